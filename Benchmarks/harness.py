# Part of objbus. SPDX-License-Identifier: Apache-2.0
"""Processes of the benchmark: started, asked, pinned, and all killed in the end."""

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PR_SET_PDEATHSIG = 1
# Makes a clock of a process number, as clock_getcpuclockid(3) does.
CPUCLOCK_SCHED = 2


class BenchmarkError(Exception):
    """A process did not do what it had to; the message says which, and what it said."""


def say(text):
    """One line of progress, on standard error: standard output is for the table."""
    print(f"== {text}", file=sys.stderr, flush=True)


class Process:
    """A process that is asked by lines on its input and answers by lines on its output."""

    def __init__(self, name, arguments, log, environment=None):
        self.name = name
        self.log = log
        self._rest = b""
        libc = ctypes.CDLL(None)
        with open(log, "ab") as errors:
            # It ends with us, whatever ends us.
            self._popen = subprocess.Popen(
                [str(argument) for argument in arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **(environment or {})},
                preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
                start_new_session=True,
            )
        self.pid = self._popen.pid

    def line(self, timeout=60.0):
        """The next line of output."""
        end = time.monotonic() + timeout
        output = self._popen.stdout.fileno()
        while b"\n" not in self._rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([output], [], [], left)[0]:
                raise BenchmarkError(f"{self.name} said nothing for {timeout:.0f} s{self._said()}")
            piece = os.read(output, 65536)
            if not piece:
                raise BenchmarkError(f"{self.name} ended{self._said()}")
            self._rest += piece
        line, self._rest = self._rest.split(b"\n", 1)
        return line.decode()

    def tell(self, line):
        """Writes a line; the answer is read by `line`."""
        try:
            self._popen.stdin.write(f"{line}\n".encode())
            self._popen.stdin.flush()
        except BrokenPipeError:
            raise BenchmarkError(f"{self.name} ended{self._said()}") from None

    def ask(self, line, timeout=60.0):
        """Writes a line and reads the answer, which is JSON."""
        self.tell(line)
        return json.loads(self.line(timeout))

    def stop(self):
        """Lets a process that obeys SIGTERM end by itself."""
        if self._popen.poll() is None:
            self._popen.send_signal(signal.SIGTERM)
            try:
                self._popen.wait(5)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def interrupt(self):
        """Sends SIGINT and waits for the end."""
        self._popen.send_signal(signal.SIGINT)
        self._popen.wait(20)

    def wait_until_log_has(self, word, times, timeout=10.0):
        """Waits until it has written a word so often to its standard error."""
        end = time.monotonic() + timeout
        while self.log.read_text(errors="replace").count(word) < times:
            if time.monotonic() > end:
                raise BenchmarkError(f"{self.name} did not get ready{self._said()}")
            time.sleep(0.02)

    def kill(self):
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            try:
                pipe.close()
            except BrokenPipeError:
                pass

    def _said(self):
        text = self.log.read_text(errors="replace").strip().splitlines()[-5:]
        return "" if not text else ", and wrote: " + " | ".join(text)

    # What the kernel knows of it.

    def threads(self):
        return [int(name) for name in os.listdir(f"/proc/{self.pid}/task")]

    def pin(self, cores):
        """Lets all its threads run on these cores only."""
        for thread in self.threads():
            try:
                os.sched_setaffinity(thread, cores)
            except ProcessLookupError:
                pass

    def cpu_nanoseconds(self):
        """What all its threads have run since it began, by the processor clock of the process."""
        return time.clock_gettime_ns((~self.pid << 3) | CPUCLOCK_SCHED)

    def resident_bytes(self):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise BenchmarkError(f"{self.name} has no memory")

    def voluntary_switches(self):
        """How often one of its threads went to sleep, which is as often as one was woken."""
        count = 0
        for thread in self.threads():
            try:
                text = Path(f"/proc/{self.pid}/task/{thread}/status").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue  # It has ended since.
            for line in text.splitlines():
                if line.startswith("voluntary_ctxt_switches:"):
                    count += int(line.split()[1])
        return count


class Harness:
    """A folder, the programs, and every process that was started."""

    def __init__(self, objbus, programs):
        self.objbus = objbus
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="objbus-bench-"))
        self._processes = []
        self._count = 0
        self.cores = sorted(os.sched_getaffinity(0))

    def start(self, name, arguments, environment=None):
        self._count += 1
        log = self.folder / f"{self._count}-{name.replace(' ', '-')}.log"
        process = Process(name, arguments, log, environment)
        self._processes.append(process)
        return process

    def end(self, process):
        process.kill()
        self._processes.remove(process)

    def endpoint(self, transport):
        """A new place for a broker to listen on."""
        self._count += 1
        if transport == "ipc":
            return f"ipc://{self.folder}/{self._count}.sock"
        return f"tcp://127.0.0.1:{free_port()}"

    def close(self):
        for process in self._processes:
            process.kill()
        self._processes = []
        shutil.rmtree(self.folder, ignore_errors=True)


def free_port():
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Probe:
    """Tells whether the cores are near or far just now."""

    # A wake-up there and back took 5 us where cores were near, 12 to 13 us where they were far.
    FAR = 8.5

    def __init__(self, harness):
        self._process = harness.start("probe", [harness.programs / "probe"])
        self._process.line()

    def microseconds(self):
        self._process.tell("")
        return float(self._process.line())

    @classmethod
    def state(cls, microseconds):
        return "near" if microseconds < cls.FAR else "far"


class FloorWorld:
    """Broker, worker and clients in plain C, over plain libzmq."""

    def __init__(self, harness, transport):
        self._harness = harness
        floor = harness.programs / "floor"
        self.endpoint = harness.endpoint(transport)
        self.broker = harness.start("floor broker", [floor, "broker", self.endpoint])
        self.broker.line()
        self.worker = harness.start("floor worker", [floor, "worker", self.endpoint])
        self.worker.line()
        self.clients = []
        self.client(0)

    def client(self, number):
        while len(self.clients) <= number:
            floor = self._harness.programs / "floor"
            client = self._harness.start("floor client", [floor, "client", self.endpoint])
            client.line()
            self.clients.append(client)
        return self.clients[number]

    @property
    def processes(self):
        return [self.broker, self.worker, *self.clients]

    def parts(self):
        return {"broker": [self.broker], "worker": [self.worker], "client": self.clients}

    def end(self):
        for process in self.processes:
            self._harness.end(process)


class BusWorld:
    """The same with objbus."""

    def __init__(self, harness, transport, environment=None, under=None):
        """`under` has, by part, the command that the part is run by."""
        self._harness = harness
        self._environment = environment
        self._under = under or {}
        self.endpoint = harness.endpoint(transport)
        state = harness.folder / f"state-{self.endpoint.rsplit('/', 1)[1]}"
        self.broker = harness.start(
            "objbus broker",
            [*self._under.get("broker", []), harness.objbus, "broker", "--listen", self.endpoint,
             "--state", state],
            environment,
        )
        self.broker.line()
        self.worker = harness.start(*self.worker_command(), environment)
        self.worker.line()
        self.clients = []
        self.client(0)

    def client(self, number):
        while len(self.clients) <= number:
            self.clients.append(self.started_client())
        return self.clients[number]

    def worker_command(self):
        objbus = self._harness.objbus
        command = [objbus, "worker", "--bus", self.endpoint, "bench"]
        return "objbus worker", [*self._under.get("worker", []), *command]

    def started_client(self):
        client = self._harness.start(
            "objbus bench",
            [*self._under.get("client", []), self._harness.objbus, "bench", "--bus", self.endpoint,
             "--lines", "--json"],
            self._environment,
        )
        # The first answer tells that it is there.
        client.ask("add calls=200 warm-up=0")
        return client

    @property
    def processes(self):
        return [self.broker, self.worker, *self.clients]

    def parts(self):
        return {"broker": [self.broker], "worker": [self.worker], "client": self.clients}

    def end(self):
        for process in self.processes:
            self._harness.end(process)


class PeersWorld(BusWorld):
    """Our broker with a worker and clients in C that speak our protocol."""

    def worker_command(self):
        return "peer worker", [self._harness.programs / "peer", "worker", self.endpoint]

    def started_client(self):
        peer = self._harness.programs / "peer"
        client = self._harness.start("peer client", [peer, "client", self.endpoint])
        client.line()
        return client


class Pinned:
    """Keeps processes on one core, all of them on the same, while the block runs."""

    def __init__(self, harness, processes, is_pinned):
        self._all = set(harness.cores)
        self._one = {harness.cores[-1]}
        self._processes = processes if is_pinned else []

    def __enter__(self):
        for process in self._processes:
            process.pin(self._one)

    def __exit__(self, *_):
        for process in self._processes:
            process.pin(self._all)
