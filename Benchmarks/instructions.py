# Part of objbus. SPDX-License-Identifier: Apache-2.0
"""How many instructions a call takes outside the kernel, by process and function, as valgrind's callgrind
counts them: the same to some hundreds on every run, whatever else the machine does."""

import re
import shutil
import subprocess

from harness import BenchmarkError, BusWorld, say

CALLS = 3_000
OUTSTANDING = [1, 64]
PARTS = ["broker", "worker", "client"]
# Functions listed of each process.
LISTED = 12


def count(harness):
    """Lines of text: the totals, and the functions that take most."""
    for tool in ("valgrind", "callgrind_control", "callgrind_annotate", "strip"):
        if not shutil.which(tool):
            raise BenchmarkError("--instructions needs valgrind and strip: install valgrind binutils")
    # valgrind can't read what Swift's compiler says for debuggers.
    program = harness.folder / "objbus"
    subprocess.run(["strip", "--strip-debug", "-o", program, harness.objbus], check=True)
    harness.objbus = program
    heads = "".join(f"{part.upper():>10}" for part in PARTS)
    lines, lists = [f"{'INSTRUCTIONS A CALL':<20}{heads}{'ALL':>10}"], []
    for outstanding in OUTSTANDING:
        totals = []
        for part in PARTS:
            say(f"counting the {part}'s instructions with {outstanding} outstanding")
            total, functions = counted(harness, part, outstanding)
            totals.append(total)
            lists += [f"{part}, {outstanding} outstanding:", *functions, ""]
        cells = "".join(f"{one:>10,.0f}" for one in [*totals, sum(totals)])
        lines.append(f"{f'{outstanding} outstanding':<20}{cells}")
    return [*lines, "", *lists]


def counted(harness, part, outstanding):
    file = harness.folder / f"callgrind-{part}-{outstanding}"
    valgrind = ["valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no",
                f"--callgrind-out-file={file}"]
    world = BusWorld(harness, "ipc", under={part: valgrind})
    client = world.client(0)
    process = {"broker": world.broker, "worker": world.worker, "client": client}[part]
    client.ask(f"add outstanding={outstanding} calls=1000", 60)
    control(process, "--instr=on")
    client.ask(f"add outstanding={outstanding} calls={CALLS} warm-up=0", 60)
    control(process, "--instr=off")
    control(process, "--dump")
    world.end()
    return annotated(sorted(harness.folder.glob(f"{file.name}.*"))[0])


def control(process, order):
    subprocess.run(
        ["callgrind_control", order, str(process.pid)], check=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)


def annotated(file):
    """Instructions a call, and lines about the functions that take most of them."""
    text = subprocess.run(
        ["callgrind_annotate", file], check=True, capture_output=True, text=True).stdout
    if shutil.which("swift-demangle"):
        text = subprocess.run(
            ["swift-demangle", "--simplified", "--compact"], input=text, check=True,
            capture_output=True, text=True).stdout
    found = re.findall(r"^ *([\d,]+) \([ \d.]+%\)  (.*)$", text, re.MULTILINE)
    rows = [(int(number.replace(",", "")) / CALLS, name) for number, name in found]
    functions = [
        f"{number:>10,.0f}  {name.split(':', 1)[1].rsplit(' [', 1)[0][:100]}"
        for number, name in rows[1:LISTED + 1]]
    return rows[0][0], functions
