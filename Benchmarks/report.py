# Part of objbus. SPDX-License-Identifier: Apache-2.0
"""From samples to figures: ratios by round, medians, the table."""

import statistics
from dataclasses import dataclass

from workloads import PEER_SAMPLES, SAMPLES

# Work is processor time of all processes by call; it tells the cost also on a busy machine.
HEAD = ["WORKLOAD", "OURS", "FLOOR", "RATIO (MIN-MAX)", "BAR", "GOAL", "VERDICT", "WORK, US"]


@dataclass
class Figure:
    """A row with what was found for it."""

    row: object
    ours: float
    floor: float
    ratios: list
    note: str = ""
    # Microseconds of work by call, ours and the floor's.
    work: tuple = ()

    @property
    def ratio(self):
        return statistics.median(self.ratios)

    @property
    def verdict(self):
        return self.row.verdict(self.ratio)

    def json(self):
        row = self.row
        return {
            "row": row.key, "title": row.title, "kind": row.kind, "unit": row.unit,
            "ours": self.ours, "floor": self.floor, "ratio": self.ratio,
            "least": min(self.ratios), "most": max(self.ratios), "rounds": len(self.ratios),
            "work": self.work, "bar": row.bar, "goal": row.goal, "verdict": self.verdict, "note": self.note,
        }


class Samples:
    """Every measurement by sample, side and round."""

    def __init__(self):
        self._found = {}

    def add(self, sample, side, number, result):
        self._found.setdefault((sample, side), {})[number] = result

    def rounds(self, sample, side):
        return self._found.get((sample, side), {})

    def kept(self, sample):
        """The rounds whose two halves met one state of the machine; all, if none did. With what
        to say about that."""
        ours, floor = self.rounds(sample, "ours"), self.rounds(sample, "floor")
        is_pinned = any(one.key == sample and one.pinned for one in SAMPLES + PEER_SAMPLES)
        numbers = sorted(ours)
        if is_pinned or not floor:
            return numbers, ""
        alike = [n for n in numbers if n in floor and ours[n]["state"] == floor[n]["state"]]
        if not alike:
            return numbers, "mixed states"
        near = [n for n in alike if ours[n]["state"] == "near"]
        if near and len(near) < len(alike):
            return alike, f"{len(near)} near, {len(alike) - len(near)} far"
        return alike, "" if near else "far"


def figure(row, samples):
    """None if its samples were not taken."""
    ours = samples.rounds(row.sample, "ours")
    if not ours:
        return None
    numbers, note = samples.kept(row.sample)
    work = []
    if row.kind in ("latency", "rate"):
        key = "p50" if row.kind == "latency" else "callsPerSecond"
        floor = samples.rounds(row.other or row.sample, "floor")
        numbers = [n for n in numbers if n in floor]
        pairs = [(ours[n][key], floor[n][key]) for n in numbers]
        work = [(total_work(ours[n]), total_work(floor[n])) for n in numbers]
    elif row.kind == "against":
        other = samples.rounds(row.other, "ours")
        pairs = [(ours[n]["p50"], other[n]["p50"]) for n in numbers if n in other]
    elif row.kind == "tail":
        pairs = [(ours[n]["p99"], ours[n]["p50"]) for n in numbers]
    else:
        values = [ours[n]["value"] for n in numbers]
        return Figure(row, statistics.median(values), None, values, note)
    if not pairs:
        return None
    return Figure(
        row, *middles(pairs), [one / other for one, other in pairs], note,
        middles(work) if work else ())


def middles(pairs):
    """The medians of either side."""
    return tuple(statistics.median(side) for side in zip(*pairs))


def total_work(result):
    return sum(result["work"].values())


def figures(rows, samples):
    return [one for one in (figure(row, samples) for row in rows) if one]


def cells(figure):
    row = figure.row
    if row.kind == "value":
        return [
            row.title, quantity(figure.ours, row.unit), "", "",
            limit(row, row.bar), limit(row, row.goal), figure.verdict, ""]
    show = rate if row.kind == "rate" else time
    ratio = f"{figure.ratio:.2f} ({min(figure.ratios):.2f}-{max(figure.ratios):.2f})"
    if figure.note:
        ratio += f" {figure.note}"
    work = " / ".join(f"{one:.1f}" for one in figure.work)
    return [
        row.title, show(figure.ours), show(figure.floor), ratio, limit(row, row.bar),
        limit(row, row.goal), figure.verdict, work]


def limit(row, value):
    if value is None:
        return ""
    sign = ">=" if row.wants_more else "<="
    return f"{sign} {number(value)}" if row.kind == "value" else f"{sign} {value:.2f}"


def time(microseconds):
    return f"{microseconds:.1f} us"


def rate(calls):
    return f"{calls / 1000:.1f} k/s"


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def quantity(value, unit):
    return f"{number(value)} {unit}".strip()


def table(figures):
    rows = [HEAD] + [cells(one) for one in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
