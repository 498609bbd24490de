# Part of objbus. SPDX-License-Identifier: Apache-2.0
"""What a user would pick instead: a worker and a client, with a broker or without; asked like the
floor."""

from harness import ROOT, BenchmarkError, FloorWorld, free_port


class PeerWorld(FloorWorld):
    """One alternative; `start_all` starts its processes."""

    def __init__(self, harness, transport):
        self._harness = harness
        self.brokers = []
        self.workers = []
        self.clients = []
        self.start_all(transport)
        self.client(0)

    @property
    def processes(self):
        return [*self.brokers, *self.workers, *self.clients]

    def parts(self):
        return {"broker": self.brokers, "worker": self.workers, "client": self.clients}

    def program(self, name):
        path = self._harness.programs / name
        if not path.exists():
            raise BenchmarkError(f"{path} is not built")
        return path

    def start(self, name, *arguments, expects="ready"):
        process = self._harness.start(name, list(arguments))
        if expects:
            said = process.line(30)
            if expects not in said:
                raise BenchmarkError(f"{name} said '{said}' instead of '{expects}'")
        return process

    def client(self, number):
        while len(self.clients) <= number:
            self.clients.append(self.start(
                f"{self.name} client", self.program(self.name), "client", *self.endpoints))
        return self.clients[number]


class NATSWorld(PeerWorld):
    """nats-server, and two workers in C: one that writes each reply at once, one that gathers."""

    name = "nats"

    def start_all(self, transport):
        port = free_port()
        self.endpoints = [f"nats://127.0.0.1:{port}"]
        self.brokers.append(self.start(
            "nats-server", "nats-server", "--addr", "127.0.0.1", "--port", port, expects=""))
        self.brokers[0].wait_until_log_has("Server is ready", 1)
        for kind in ("worker", "prompt-worker"):
            self.workers.append(
                self.start(f"nats {kind}", self.program("nats"), kind, *self.endpoints))


class DBusWorld(PeerWorld):
    """dbus-daemon, with worker and client by sd-bus."""

    name = "dbus"

    def start_all(self, transport):
        config = self._harness.folder / "dbus.conf"
        text = (ROOT / "Benchmarks/peers/dbus.conf").read_text()
        config.write_text(text.replace("tmpdir=/tmp", f"path={self._harness.folder}/dbus"))
        self.endpoints = [f"unix:path={self._harness.folder}/dbus"]
        self.brokers.append(self.start(
            "dbus-daemon", "dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile",
            "--print-address", expects="unix:path"))
        self.workers.append(
            self.start("dbus worker", self.program("dbus"), "worker", *self.endpoints))


class GRPCWorld(PeerWorld):
    """Two workers by grpc-swift-2, one that writes each reply at once, one that gathers. The client
    calls them without a broker, which is one hop less than everything else has."""

    name = "grpc"

    def start_all(self, transport):
        self.endpoints = [free_port(), free_port()]
        for kind, port in zip(("worker", "prompt-worker"), self.endpoints):
            self.workers.append(self.start(f"grpc {kind}", self.program("grpc"), kind, port))
