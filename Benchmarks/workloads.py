# Part of objbus. SPDX-License-Identifier: Apache-2.0
"""What is measured, and what the figures are held against."""

import json
from dataclasses import dataclass

from harness import Pinned, Probe

# Bytes that objbus has in the first frame of a call of the bench and of its reply: header 64; the
# arguments; the extensions chain 16, method 2 + name, name 2 + "bench". The floor carries as many.
ADD = (104, 68, 0)
ECHO_64 = (163, 130, 0)
ECHO_64K = (101, 69, 65536)


@dataclass(frozen=True)
class Sample:
    """One measurement, made in each round of the floor and of objbus, one after the other."""

    key: str
    # What `objbus bench --lines` is told, without the numbers below.
    words: str
    # Bytes of request, reply and buffer.
    wire: tuple
    outstanding: int
    calls: int
    warm_up: int = 500
    transport: str = "ipc"
    pinned: bool = False
    clients: int = 1
    # The world that stands for objbus: "bus", or "peers" for C programs at our broker.
    ours: str = "bus"
    # The world that it is held against; None where another sample's floor serves.
    floor: str = "floor"

    def floor_line(self):
        if self.floor != "floor":
            return f"{self.outstanding} {self.calls} {self.warm_up}"
        request, reply, buffer = self.wire
        return (
            f"{self.outstanding // self.clients} {self.calls // self.clients} "
            f"{self.warm_up} {request} {reply} {buffer}"
        )

    def bus_line(self):
        if self.ours == "peers":
            return f"call {self.outstanding} {self.calls} {self.warm_up}"
        return (
            f"{self.words} outstanding={self.outstanding // self.clients} "
            f"calls={self.calls // self.clients} warm-up={self.warm_up}"
        )


@dataclass(frozen=True)
class Row:
    """One line of the table: a figure, and what it is held against."""

    key: str
    title: str
    # latency: p50 of ours by that of the floor; rate: calls a second of ours by those of the floor;
    # tail: p99 of ours by its p50; against: p50 of ours by p50 of another sample of ours;
    # value: a figure by itself.
    kind: str
    sample: str
    other: str = ""
    unit: str = ""
    bar: float = None
    goal: float = None

    @property
    def wants_more(self):
        return self.kind == "rate"

    def verdict(self, figure):
        if self.bar is None:
            return ""

        def holds(limit):
            return figure >= limit if self.wants_more else figure <= limit

        return "goal met" if holds(self.goal) else "bar met" if holds(self.bar) else "MISSED"


SAMPLES = [
    Sample("add-1-pinned", "add", ADD, 1, 4_000, pinned=True),
    Sample("add-1", "add", ADD, 1, 3_000),
    Sample("add-64", "add", ADD, 64, 50_000, 5_000),
    Sample("add-1000", "add", ADD, 1_000, 50_000, 5_000),
    Sample("bus-1-pinned", "add executor=bus", ADD, 1, 3_000, pinned=True, floor=None),
    Sample("bus-64", "add executor=bus", ADD, 64, 50_000, 5_000),
    Sample("bus-1000", "add executor=bus", ADD, 1_000, 50_000, 5_000),
    Sample("dynamic-1-pinned", "add interface=dynamic", ADD, 1, 3_000, pinned=True, floor=None),
    Sample("dynamic-64", "add interface=dynamic", ADD, 64, 40_000, 5_000),
    Sample("blocking-1-pinned", "add interface=blocking", ADD, 1, 3_000, pinned=True),
    Sample("echo-64-1-pinned", "echo bytes=64", ECHO_64, 1, 3_000, pinned=True),
    Sample("echo-64-16", "echo bytes=64", ECHO_64, 16, 20_000, 2_000),
    Sample("echo-64k-1-pinned", "echo bytes=65536", ECHO_64K, 1, 1_500, 100, pinned=True),
    Sample("echo-64k-16", "echo bytes=65536", ECHO_64K, 16, 3_000, 300),
    Sample("callback-1-pinned", "callback", ADD, 1, 2_000, pinned=True, floor=None),
    Sample("handover-1-pinned", "handover", ADD, 1, 1_500, pinned=True, floor=None),
    Sample("tcp-add-1-pinned", "add", ADD, 1, 3_000, transport="tcp", pinned=True),
    Sample("tcp-add-64", "add", ADD, 64, 40_000, 5_000, transport="tcp"),
    Sample("peers-64", "", ADD, 64, 50_000, 5_000, ours="peers"),
    Sample("clients-4", "add", ADD, 64, 40_000, 1_000, clients=4),
    Sample("clients-16", "add", ADD, 64, 40_000, 500, clients=16),
]

PEERS = {"nats": "NATS", "dbus": "D-Bus", "grpc": "gRPC (no broker)"}

PEER_SAMPLES = [
    sample for peer in PEERS for sample in (
        Sample(f"{peer}-1-pinned", "add", ADD, 1, 2_000, pinned=True, floor=peer, transport="tcp"),
        Sample(f"{peer}-64", "add", ADD, 64, 20_000, 2_000, floor=peer, transport="tcp"))]

ROWS = [
    Row("add-1", "typed actor, one at a time, p50, pinned", "latency", "add-1-pinned",
        bar=1.45, goal=1.25),
    Row("add-1-free", "typed actor, one at a time, p50, not pinned", "latency", "add-1"),
    Row("blocking-1", "BlockingBus, one at a time, p50, pinned", "latency", "blocking-1-pinned",
        bar=1.30, goal=1.10),
    Row("dynamic-1", "RemoteObject, one at a time, p50, pinned", "latency", "dynamic-1-pinned",
        other="add-1-pinned"),
    Row("add-64", "typed actor, 64 outstanding", "rate", "add-64", bar=0.50, goal=0.65),
    Row("add-1000", "typed actor, 1,000 outstanding", "rate", "add-1000", bar=0.45, goal=0.60),
    Row("bus-1", "the bus's executor: typed, one at a time, p50, pinned", "latency",
        "bus-1-pinned", other="add-1-pinned"),
    Row("bus-64", "the bus's executor: typed, 64 outstanding", "rate", "bus-64"),
    Row("bus-1000", "the bus's executor: typed, 1,000 outstanding", "rate", "bus-1000"),
    Row("dynamic-64", "RemoteObject, 64 outstanding", "rate", "dynamic-64", bar=0.35, goal=0.50),
    Row("peers-64", "our broker with C peers, 64 outstanding", "rate", "peers-64",
        bar=0.80, goal=0.95),
    Row("echo-64-1", "64 B echo, one at a time, p50, pinned", "latency", "echo-64-1-pinned"),
    Row("echo-64-16", "64 B echo, 16 outstanding", "rate", "echo-64-16"),
    Row("echo-64k-1", "64 KiB echo, one at a time, p50, pinned", "latency", "echo-64k-1-pinned"),
    Row("echo-64k-16", "64 KiB echo, 16 outstanding", "rate", "echo-64k-16", bar=0.85, goal=0.95),
    Row("tail-64", "p99 by p50, 64 outstanding", "tail", "add-64", bar=4.0, goal=2.5),
    Row("callback", "callback inside a call, by one plain call, p50", "against",
        "callback-1-pinned", other="add-1-pinned", bar=2.3, goal=2.0),
    Row("handover", "the same, its reference comes along, p50", "against", "handover-1-pinned",
        other="add-1-pinned"),
    Row("tcp-add-1", "tcp: typed actor, one at a time, p50, pinned", "latency",
        "tcp-add-1-pinned", bar=1.45, goal=1.25),
    Row("tcp-add-64", "tcp: typed actor, 64 outstanding", "rate", "tcp-add-64",
        bar=0.50, goal=0.65),
    Row("clients-4", "4 clients, 64 outstanding in all", "rate", "clients-4"),
    Row("clients-16", "16 clients, 64 outstanding in all", "rate", "clients-16"),
    Row("allocations", "heap allocations of one typed add, client + worker", "value",
        "count-allocations", bar=12, goal=6),
    Row("allocated-bytes", "bytes of these allocations", "value", "count-allocatedBytes"),
    Row("messages", "messages to the broker for one typed add", "value", "count-messages"),
    Row("wake-ups", "wake-ups of one typed add, all three processes, pinned", "value",
        "count-wakeUps"),
    Row("system-calls", "system calls of one typed add, all three processes", "value",
        "count-systemCalls"),
    Row("bytes-per-name", "broker memory for a name", "value", "bytes-per-name", unit="B",
        bar=400, goal=200),
    Row("bytes-per-row", "broker memory for a reference held", "value", "bytes-per-row", unit="B",
        bar=200, goal=100),
    Row("many-references", "a call with 10^6 references, by one with 10, p50, pinned", "against",
        "many-references", other="few-references", bar=1.10, goal=1.05),
    Row("idle", "idle bus, 100 nodes: share of one core, all processes", "value", "idle", unit="%",
        bar=1, goal=0.3),
]

PEER_ROWS = [
    row for peer, name in PEERS.items() for row in (
        Row(f"{peer}-1", f"by {name}: one at a time, p50, pinned", "latency", f"{peer}-1-pinned",
            bar=1.0 if peer == "nats" else None, goal=0.8 if peer == "nats" else None),
        Row(f"{peer}-64", f"by {name}: 64 outstanding", "rate", f"{peer}-64", bar=2.0, goal=3.0))]


def measure(harness, world, sample, line):
    """One measurement by each of the sample's clients, put together."""
    clients = [world.client(number) for number in range(sample.clients)]
    with Pinned(harness, world.processes, sample.pinned):
        for client in clients:
            client.tell(line)
        results = [json.loads(client.line(120)) for client in clients]
    if len(results) == 1:
        return results[0]
    start = min(result["start"] for result in results)
    end = max(result["end"] for result in results)
    calls = sum(result["calls"] for result in results)
    seconds = (end - start) / 1e9
    return {"calls": calls, "seconds": seconds, "callsPerSecond": calls / seconds}


class Round:
    """The samples of one round, in worlds that live for that long."""

    # How often a pair is taken again whose halves met different states of the machine.
    RETRIES = 2

    def __init__(self, harness, worlds, probe):
        self._harness = harness
        self._make = worlds
        self._worlds = {}
        self._probe = probe

    def world(self, kind, transport):
        if (kind, transport) not in self._worlds:
            self._worlds[kind, transport] = self._make[kind](self._harness, transport)
        return self._worlds[kind, transport]

    def pair(self, sample):
        """The floor's result, nil if it has none of its own, and ours; each with its probe."""
        for attempt in range(self.RETRIES + 1):
            floor = None
            if sample.floor:
                floor = self._one(sample, sample.floor, sample.floor_line())
            ours = self._one(sample, sample.ours, sample.bus_line())
            if floor is None or sample.pinned or floor["state"] == ours["state"]:
                break
        return floor, ours

    def _one(self, sample, kind, line):
        world = self.world(kind, sample.transport)
        probe = self._probe.microseconds()
        before = {process.pid: process.cpu_nanoseconds() for process in world.processes}
        result = measure(self._harness, world, sample, line)
        # By part of the topology: microseconds of work for each call, warming up included.
        calls = sample.calls + sample.warm_up * sample.clients
        work = {
            part: sum(one.cpu_nanoseconds() - before.get(one.pid, 0) for one in those) / calls / 1e3
            for part, those in world.parts().items()}
        return {**result, "probe": probe, "state": Probe.state(probe), "work": work}

    def end(self):
        for world in self._worlds.values():
            world.end()
