# Part of objbus. SPDX-License-Identifier: Apache-2.0
"""What one call costs in things that can be counted, whatever machine counts them.

    python3 Benchmarks/counts.py --objbus .build/debug/objbus --check debug

Calls are made one at a time, or as many at a time as the workload says, N of them and then 2N more;
the difference, by N, has nothing in it of what happens once. All processes are on one core, so that
each hand-over is a wake-up.
"""

import argparse
import json
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import ROOT, BenchmarkError, BusWorld, Harness, Pinned

NAMES = ["allocations", "allocatedBytes", "messages", "wakeUps", "systemCalls"]
THRESHOLDS = Path(__file__).resolve().parent / "thresholds.json"


class CountedWorld(BusWorld):
    """A bus whose processes count what they ask of heap and system."""

    def __init__(self, harness, transport):
        self.folder = harness.folder / "counts"
        self.folder.mkdir(exist_ok=True)
        super().__init__(harness, transport, {
            "LD_PRELOAD": str(harness.programs / "counts.so"), "OBJBUS_COUNTS": str(self.folder)})

    def _counters(self, process):
        path = self.folder / str(process.pid)
        if not path.exists():
            raise BenchmarkError(f"{process.name} does not count: is counts.so built?")
        return struct.unpack("5Q", path.read_bytes())

    def totals(self):
        """By name, since the processes began: the heap by the two nodes, the rest by all three."""
        nodes = [self._counters(process) for process in (self.worker, self.clients[0])]
        every = nodes + [self._counters(self.broker)]
        return {
            "allocations": sum(one[0] for one in nodes),
            "allocatedBytes": sum(one[1] for one in nodes),
            "wakeUps": sum(one.voluntary_switches() for one in self.processes),
            "systemCalls": sum(one[4] for one in every),
            "messages": self._messages(),
        }

    def _messages(self):
        """Received by the broker, as it tells itself."""
        status = subprocess.run(
            [self._harness.objbus, "status", "--json", "--bus", self.endpoint],
            capture_output=True, text=True, timeout=30, check=True)
        return json.loads(status.stdout)["messages"]


def count(harness, words="add", calls=1_000):
    """Each of `NAMES`, by call."""
    world = CountedWorld(harness, "ipc")
    client = world.client(0)
    try:
        with Pinned(harness, world.processes, True):
            client.ask(f"{words} calls={calls} warm-up=0")
            totals = [world.totals()]
            for part in (calls, 2 * calls):
                client.ask(f"{words} calls={part} warm-up=0")
                totals.append(world.totals())
    finally:
        world.end()
    first, second, third = totals
    return {
        name: ((third[name] - second[name]) - (second[name] - first[name])) / calls
        for name in NAMES}


def traced_system_calls(harness, calls=400):
    """System calls of all three processes by call, as strace sees them; None without strace."""
    if not shutil.which("strace"):
        return None
    world = BusWorld(harness, "ipc")
    client = world.client(0)
    try:
        counted = []
        for part in (calls, 2 * calls):
            report = harness.folder / "strace"
            pids = [f"--attach={process.pid}" for process in world.processes]
            tracer = harness.start(
                "strace", ["strace", "--summary-only", "--follow-forks", f"--output={report}", *pids])
            tracer.wait_until_log_has("attached", len(pids))
            client.ask(f"add calls={part} warm-up=100", 120)
            tracer.interrupt()
            counted.append(total_of_strace(report.read_text()))
        return (counted[1] - counted[0]) / calls
    finally:
        world.end()


def total_of_strace(text):
    for line in text.splitlines():
        if line.endswith("total"):
            return int(line.split()[3])
    raise BenchmarkError("strace counted nothing")


def compile_shim(folder):
    compiler = shutil.which("gcc") or shutil.which("clang") or shutil.which("cc")
    if not compiler:
        raise BenchmarkError("no C compiler: install gcc")
    subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", "-o", str(folder / "counts.so"),
         str(ROOT / "Benchmarks/counts.c"), "-ldl"], check=True)


def check(found, thresholds):
    """What is over its threshold, as sentences."""
    return [
        f"{name}: {found[name]:.2f} a call, at most {limit} are allowed"
        for name, limit in thresholds.items() if found[name] > limit]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--objbus", required=True, help="the command to measure")
    parser.add_argument("--workload", default="add", help="what 'objbus bench --lines' is told")
    parser.add_argument(
        "--check", choices=list(json.loads(THRESHOLDS.read_text())),
        help="fail if one of these thresholds, for a kind of build, is exceeded")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compile_shim(Path(folder))
        harness = Harness(Path(given.objbus).resolve(), Path(folder))
        try:
            found = count(harness, given.workload)
        finally:
            harness.close()
    print(json.dumps({name: round(number, 2) for name, number in found.items()}))
    if not given.check:
        return 0
    problems = check(found, json.loads(THRESHOLDS.read_text())[given.check])
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchmarkError as error:
        sys.exit(f"error: {error}")
