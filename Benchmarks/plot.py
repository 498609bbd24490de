# Part of objbus. SPDX-License-Identifier: Apache-2.0
"""The table as a picture: for each row that has a ratio to the floor, a bar from least to most with
the median, and marks where bar and goal are."""

from html import escape

ROW_HEIGHT, LEFT, WIDTH, TOP = 26, 330, 420, 58
# Faster than this is drawn as this.
SPEED_MAX = 1.2
# Readable on white and on black.
COLORS = {"goal met": "#2e8b57", "bar met": "#3b7dc4", "MISSED": "#d1603d", "": "#808890"}


def svg(figures, title):
    """Text of an SVG file. Ratios are drawn so that longer is better: for latencies the floor's
    time by ours, for rates ours by the floor's."""
    drawn = [one for one in figures if one.row.kind in ("latency", "rate")]
    height = TOP + ROW_HEIGHT * len(drawn) + 46
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH * SPEED_MAX + 60:.0f}" height="{height}" '
        'font-family="sans-serif" font-size="12" fill="#808890">',
        f'<text x="12" y="22" font-size="15">{escape(title)}</text>',
        '<text x="12" y="41">Speed in parts of that of plain libzmq in C; longer is better. '
        "Line: least to most of all rounds. Marks: bar, and goal (dashed). Number: the table's "
        "ratio.</text>",
    ]
    for step in range(0, 6):
        x = LEFT + WIDTH * step / 5
        parts.append(
            f'<line x1="{x:.1f}" y1="{TOP - 4}" x2="{x:.1f}" y2="{height - 40}" '
            'stroke="#808890" stroke-opacity="0.3"/>'
            f'<text x="{x:.1f}" y="{height - 24}" text-anchor="middle">{step * 20} %</text>')
    for index, figure in enumerate(drawn):
        parts += row(figure, TOP + ROW_HEIGHT * index)
    return "\n".join([*parts, "</svg>", ""])


def row(figure, top):
    def share(ratio):
        speed = ratio if figure.row.wants_more else 1 / ratio
        return LEFT + WIDTH * min(speed, SPEED_MAX)

    color = COLORS[figure.verdict]
    middle = top + ROW_HEIGHT / 2
    parts = [
        f'<text x="{LEFT - 8}" y="{middle + 4:.1f}" text-anchor="end">'
        f"{escape(figure.row.title)}</text>",
        f'<rect x="{LEFT}" y="{top + 5}" width="{share(figure.ratio) - LEFT:.1f}" '
        f'height="{ROW_HEIGHT - 10}" fill="{color}" fill-opacity="0.75"/>',
        line(share(min(figure.ratios)), middle, share(max(figure.ratios)), middle, 1.5),
        f'<text x="{share(9) + 8:.1f}" y="{middle + 4:.1f}" fill="{color}">{figure.ratio:.2f}</text>',
    ]
    for limit, dashes in ((figure.row.bar, ""), (figure.row.goal, "3 2")):
        if limit:
            x = share(limit)
            parts.append(line(x, top + 2, x, top + ROW_HEIGHT - 2, 2, dashes))
    return parts


def line(x1, y1, x2, y2, width, dashes=""):
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#808890" '
        f'stroke-width="{width}"{dashed}/>')
