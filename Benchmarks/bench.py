# Part of objbus. SPDX-License-Identifier: Apache-2.0
"""Runs the benchmark: the floor and objbus in turn, in rounds, and prints a table of ratios."""

import argparse
import json
import os
import platform
import signal
import sys
import time
from pathlib import Path

import instructions
import plot
import profiling
import report
from harness import BenchmarkError, BusWorld, FloorWorld, Harness, PeersWorld, Probe, say
from procedures import PROCEDURES
from peers import DBusWorld, GRPCWorld, NATSWorld
from workloads import PEER_ROWS, PEER_SAMPLES, ROWS, SAMPLES, Round

WORLDS = {"floor": FloorWorld, "bus": BusWorld, "peers": PeersWorld,
          "nats": NATSWorld, "dbus": DBusWorld, "grpc": GRPCWorld}


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures objbus against plain libzmq in the same topology, in the same run.",
        epilog="""examples:
  scripts/bench                              the whole table, in less than 6 minutes
  scripts/bench --quick                      one round, to see whether all is well
  scripts/bench --only add-64 --rounds 9     one row, or several: --only add-1 add-64
  scripts/bench --json figures.jsonl         every sample and every row, one a line
  scripts/bench --peers                      NATS, D-Bus and gRPC in turn with objbus
  scripts/bench --profile                    where the microseconds go
  scripts/bench --instructions               what a call takes, to the instruction
  scripts/bench --merge one.jsonl two.jsonl  the table of several runs with --only

Each row's ratio is that of objbus to the floor in the same round; the table has the median of all
rounds, the least and the most. Pinned means: all three processes on one core.""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument(
        "--only", nargs="+", metavar="ROW", default=[],
        help="only these rows: " + ", ".join(row.key for row in ROWS))
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds (default: 5)")
    parser.add_argument(
        "--peers", action="store_true",
        help="only what a user would pick instead: NATS, D-Bus, gRPC")
    parser.add_argument(
        "--profile", action="store_true",
        help="only where the time of a call goes, by process and library, as perf sees it")
    parser.add_argument(
        "--instructions", action="store_true",
        help="only the instructions of a call, by process and function, as valgrind counts them")
    parser.add_argument("--json", metavar="FILE", help="write samples and rows as JSON lines")
    parser.add_argument("--plot", metavar="FILE", help="draw the table as SVG")
    parser.add_argument(
        "--merge", nargs="+", metavar="FILE", default=[],
        help="measure nothing: make table and plot of the samples in files that --json wrote")
    parser.add_argument("--objbus", metavar="PROGRAM", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--programs", metavar="FOLDER", required=True, help=argparse.SUPPRESS)
    given = parser.parse_args()
    unknown = [key for key in given.only if key not in {row.key for row in ROWS + PEER_ROWS}]
    if unknown:
        parser.error(f"there is no row {', '.join(unknown)}")
    if given.rounds is None:
        given.rounds = 1 if given.quick else 5
    if given.rounds < 1:
        parser.error("--rounds is at least 1")
    return given


def chosen(given):
    """The rows asked for, and the samples and procedures that they need."""
    known = PEER_ROWS if given.peers else ROWS + PEER_ROWS if given.only or given.merge else ROWS
    rows = [row for row in known if not given.only or row.key in given.only]
    needed = {row.sample for row in rows} | {row.other for row in rows}
    return (
        rows, [sample for sample in SAMPLES + PEER_SAMPLES if sample.key in needed],
        [procedure for procedure, keys in PROCEDURES.items() if needed & set(keys)])


def merged(files):
    """The samples that earlier runs wrote, and the line about machine and day of the first."""
    found, about = report.Samples(), None
    for file in files:
        for line in open(file):
            item = json.loads(line)
            if "sample" in item:
                found.add(item["sample"], item["side"], item["round"], item)
            elif "about" in item:
                about = about or item["about"]
    return found, about


def run(given, harness, output):
    rows, needed, procedures = chosen(given)
    found = report.Samples()
    probe = Probe(harness)
    begin = time.monotonic()

    def record(key, side, number, result):
        found.add(key, side, number, result)
        write(output, {"sample": key, "side": side, "round": number, **result})

    for number in range(1, given.rounds + 1) if needed else []:
        say(f"round {number} of {given.rounds} ({time.monotonic() - begin:.0f} s so far)")
        one = Round(harness, WORLDS, probe)
        for sample in needed:
            floor, ours = one.pair(sample)
            for side, result in (("floor", floor), ("ours", ours)):
                if result is not None:
                    record(sample.key, side, number, result)
        one.end()
    for procedure in procedures:
        procedure(harness, given, record)
    say(f"done after {time.monotonic() - begin:.0f} s")
    return found


def write(output, item):
    if output:
        print(json.dumps(item), file=output, flush=True)


def machine():
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')}, {len(os.sched_getaffinity(0))} cores of {model}, "
        f"Linux {platform.release()}")


def measured(given, about):
    """Runs everything; no process is left, however it ends."""

    def interrupted(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupted)
    harness = Harness(Path(given.objbus), Path(given.programs))
    output = open(given.json, "w") if given.json else None
    try:
        write(output, {"about": about})
        if given.profile:
            print("\n".join([about, "", *profiling.profile(harness)]))
            return None
        if given.instructions:
            print("\n".join([about, "", *instructions.count(harness)]))
            return None
        found = run(given, harness, output)
        for one in report.figures(chosen(given)[0], found):
            write(output, one.json())
        return found
    finally:
        harness.close()
        if output:
            output.close()


def main():
    given = arguments()
    about = f"{given.rounds} rounds, {machine()}"
    try:
        if given.merge:
            found, about = merged(given.merge)
        else:
            found = measured(given, about)
    except BenchmarkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    if found is None:
        return 0
    figures = report.figures(chosen(given)[0], found)
    title = f"objbus against plain libzmq: {about}"
    print(f"{title}\n\n{report.table(figures)}")
    if given.plot:
        Path(given.plot).write_text(plot.svg(figures, title))
    return 0


if __name__ == "__main__":
    sys.exit(main())
