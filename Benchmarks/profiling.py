# Part of objbus. SPDX-License-Identifier: Apache-2.0
"""Where the microseconds of a call go: the processor time of broker, worker and client by library, as
`perf` samples them. Shares are perf's; what they are shares of is what the processors' clocks say."""

import re
import shutil
import subprocess

from harness import BenchmarkError, BusWorld, Pinned, say
from workloads import SAMPLES

PROFILED = ["add-1-pinned", "add-64"]
# By the name of the file that the code is in; the first that fits.
LIBRARIES = [
    ("kernel", r"\[kernel|\[guest|vmlinux|\[unknown"),
    ("libzmq", r"libzmq|libsodium|libstdc\+\+"),
    ("Swift concurrency", r"libswift_Concurrency|libdispatch"),
    ("Swift runtime", r"libswift|libFoundation|lib_Foundation|libBlocksRuntime"),
    ("C library, heap", r"libc\.|libc-|libpthread|ld-linux|\[vdso\]|libm\."),
    ("objbus", r"objbus"),
]


def profile(harness):
    """Lines of text: a table for each of `PROFILED`."""
    if not shutil.which("perf"):
        raise BenchmarkError("--profile needs perf: install linux-perf")
    lines = []
    for sample in (one for one in SAMPLES if one.key in PROFILED):
        say(f"profiling {sample.key}")
        world = BusWorld(harness, sample.transport)
        parts, work = measured(harness, world, sample)
        lines += table(f"{sample.key}: microseconds of work by call", parts, work) + [""]
        world.end()
    return lines


def measured(harness, world, sample):
    """By part of the topology: shares by library, and microseconds by call."""
    file = harness.folder / "perf.data"
    with Pinned(harness, world.processes, sample.pinned):
        pids = ",".join(str(process.pid) for process in world.processes)
        recorder = harness.start(
            "perf", ["perf", "record", "--quiet", "--freq=5000", f"--output={file}",
                     f"--pid={pids}"])
        client = world.client(0)
        client.ask(f"{sample.words} outstanding={sample.outstanding} calls=1000")
        before = {process.pid: process.cpu_nanoseconds() for process in world.processes}
        calls = sample.calls * 2
        client.ask(f"{sample.words} outstanding={sample.outstanding} calls={calls} warm-up=0")
        work = {
            part: sum(one.cpu_nanoseconds() - before[one.pid] for one in those) / calls / 1e3
            for part, those in world.parts().items()}
        recorder.interrupt()
    text = subprocess.run(
        ["perf", "script", f"--input={file}", "--fields=pid,ip,dso"], capture_output=True,
        text=True, check=True).stdout
    counts = {part: {} for part in world.parts()}
    for pid, object_file in samples(text):
        for part, those in world.parts().items():
            if pid in {one.pid for one in those}:
                library = library_of(object_file)
                counts[part][library] = counts[part].get(library, 0) + 1
    return counts, work


def samples(text):
    """Process and object file of each sample that `perf script` prints."""
    for line in text.splitlines():
        match = re.match(r"\s*(\d+)\s+[0-9a-f]+\s+\((.*)\)", line)
        if match:
            yield int(match.group(1)), match.group(2)


def library_of(object_file):
    for library, pattern in LIBRARIES:
        if re.search(pattern, object_file):
            return library
    return "other"


def table(title, counts, work):
    parts = list(counts)
    rows = [[title.split(":")[0].upper(), *[part.upper() for part in parts], "ALL"]]
    for library in [name for name, _ in LIBRARIES] + ["other"]:
        spent = [
            work[part] * counts[part].get(library, 0) / max(1, sum(counts[part].values()))
            for part in parts]
        if any(spent):
            rows.append([library, *[f"{one:.1f}" for one in spent], f"{sum(spent):.1f}"])
    every = [work[part] for part in parts]
    rows.append(["all", *[f"{one:.1f}" for one in every], f"{sum(every):.1f}"])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [title.split(": ")[1]] + [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths))) for row in rows]
