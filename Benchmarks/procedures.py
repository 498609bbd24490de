# Part of objbus. SPDX-License-Identifier: Apache-2.0
"""Measurements that are not a sample in each round: counts, memory, an idle bus."""

import time

import counts
from harness import BusWorld, say
from workloads import ADD, Sample, measure

NAMES, REFERENCES = 100_000, 1_000_000
IDLE_NODES, IDLE_SECONDS = 100, 10


def counted(harness, given, record):
    """Allocations, messages, wake-ups and system calls of one typed `add`."""
    say("counting what one call takes")
    found = counts.count(harness)
    traced = counts.traced_system_calls(harness)
    if traced is not None:
        found["systemCalls"] = traced
    for name, value in found.items():
        record(f"count-{name}", "ours", 1, {"value": value})


def crowded(harness, given, record):
    """Memory of the broker by name and by holder row; a call's latency with few and with many."""
    say(f"filling a broker with {NAMES:,} names and {REFERENCES:,} references")
    few, many = CrowdedWorld(harness), CrowdedWorld(harness)
    few.holder.ask("hold 10")
    before = many.broker.resident_bytes()
    many.owner.ask(f"publish 1 {NAMES}", 120)
    named = many.broker.resident_bytes()
    record("bytes-per-name", "ours", 1, {"value": (named - before) / NAMES})
    many.holder.ask(f"hold {REFERENCES}", 120)
    held = many.broker.resident_bytes()
    record("bytes-per-row", "ours", 1, {"value": (held - named) / REFERENCES})
    sample = Sample("crowded", "add", ADD, 1, 2_000, pinned=True)
    for number in range(1, given.rounds + 1):
        for key, world in (("few-references", few), ("many-references", many)):
            result = measure(harness, world, sample, sample.bus_line())
            record(key, "ours", number, result)
    for world in (few, many):
        world.end()


class CrowdedWorld(BusWorld):
    """A bus on which two nodes in C own and hold what they are told to."""

    def __init__(self, harness):
        super().__init__(harness, "ipc")
        peer = harness.programs / "peer"
        self.owner = harness.start("peer worker", [peer, "worker", self.endpoint])
        self.owner.line()
        self.holder = harness.start("peer client", [peer, "client", self.endpoint])
        self.holder.line()

    def end(self):
        self._harness.end(self.holder)
        self._harness.end(self.owner)
        super().end()


def idle(harness, given, record):
    """The share of one core that a bus with many nodes takes while nothing is called."""
    say(f"watching an idle bus with {IDLE_NODES} nodes for {IDLE_SECONDS} s")
    world = BusWorld(harness, "ipc")
    nodes = [
        harness.start("objbus worker", [harness.objbus, "worker", "--bus", world.endpoint, "counter"])
        for _ in range(IDLE_NODES - 2)]
    for node in nodes:
        node.line(120)
    time.sleep(2)
    every = world.processes + nodes
    before, start = sum(one.cpu_nanoseconds() for one in every), time.monotonic_ns()
    time.sleep(IDLE_SECONDS)
    after, end = sum(one.cpu_nanoseconds() for one in every), time.monotonic_ns()
    record("idle", "ours", 1, {"value": 100 * (after - before) / (end - start)})
    for node in nodes:
        harness.end(node)
    world.end()


# By the samples that they record.
PROCEDURES = {
    counted: [f"count-{name}" for name in counts.NAMES],
    crowded: ["bytes-per-name", "bytes-per-row", "few-references", "many-references"],
    idle: ["idle"],
}
