"""Plots as SVG: lines over a day, and points on a logarithmic scale. Light and dark, as whoever looks has it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LEFT, RIGHT, TOP, PANEL, GAP = 780, 64, 36, 34, 150, 46
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #333; } .title { font-weight: 600; }
.grid { stroke: #ddd; } .first { stroke: #1f6feb; } .second { stroke: #d1690e; }
path { fill: none; stroke-width: 1.5; } text.first { fill: #1f6feb; } text.second { fill: #b35900; }
circle { stroke: none; } circle.first { fill: #1f6feb; } circle.second { fill: #d1690e; } .first, .second { stroke-width: 1.5; }
text.first, text.second { stroke: none; }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd; } .grid { stroke: #444; } text.first, .first { stroke: #6cb0ff; } text.first { fill: #6cb0ff; }
  .second { stroke: #ffab5e; } text.second { fill: #ffab5e; } circle.first { fill: #6cb0ff; } circle.second { fill: #ffab5e; }
  text.first, text.second { stroke: none; }
}
"""


@dataclass(frozen=True)
class Panel:
    """One field of lines over the same day; the first is blue, the second orange."""

    title: str
    lines: Mapping[str, Sequence[float]]


def over_a_day(panels: Sequence[Panel], *, title: str) -> str:
    """The panels under each other; each line is spread over 24 hours."""
    parts = []
    for number, panel in enumerate(panels):
        top = TOP + number * (PANEL + GAP)
        most = _ceiling(max(max(line) for line in panel.lines.values()))
        parts.append(_text(LEFT, top - 8, panel.title, css="title"))
        for step in range(5):
            y = top + PANEL * (1 - step / 4)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(_text(LEFT - 8, y + 4, f"{most * step / 4:,.4g}", anchor="end"))
        parts += [_text(_x(hour / 24), top + PANEL + 18, f"{hour}:00", anchor="middle") for hour in range(0, 25, 3)]
        for (name, line), css, at in zip(panel.lines.items(), ("first", "second"), (0.55, 0.8), strict=False):
            points = (
                f"{_x(place / (len(line) - 1)):.1f},{top + PANEL * (1 - value / most):.1f}"
                for place, value in enumerate(line)
            )
            parts.append(f'<path class="{css}" d="M{" L".join(points)}"/>')
            parts.append(_text(_x(at), top - 8, f"— {name}", css=css))
    return _svg(parts, TOP + len(panels) * (PANEL + GAP), title)


def on_a_scale(rows: Mapping[str, Mapping[str, float]], *, title: str, unit: str) -> str:
    """Of each row its points, such as a median and a percentile, on one logarithmic scale."""
    values = [max(value, 0.01) for row in rows.values() for value in row.values()]
    least, most = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    height = TOP + 34 * len(rows)
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    left = 2 * LEFT + 20

    def x(value: float) -> float:
        return left + (WIDTH - RIGHT - left) * (math.log10(max(value, 0.01)) - least) / (most - least)

    parts = [_text(8, TOP - 16, title, css="title")]
    for css, name, at in zip(("first", "second"), names, (0.6, 0.8), strict=False):
        parts.append(_text(_x(at), TOP - 16, f"● {name}", css=css))
    for exponent in range(least, most + 1):
        at = x(10**exponent)
        parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{height}"/>')
        parts.append(_text(at, height + 18, f"{10**exponent:,g} {unit}", anchor="middle"))
    for number, (label, row) in enumerate(rows.items()):
        y = TOP + 34 * number + 18
        parts.append(_text(left - 12, y + 4, label, anchor="end"))
        places = [x(value) for value in row.values()]
        parts.append(f'<line class="grid" x1="{min(places):.1f}" x2="{max(places):.1f}" y1="{y}" y2="{y}"/>')
        for name, css in zip(names, ("first", "second"), strict=False):
            parts.append(f'<circle class="{css}" cx="{x(row[name]):.1f}" cy="{y}" r="5"/>')
    return _svg(parts, height + 30, title)


def _x(part: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * part


def _ceiling(value: float) -> float:
    """The next round number."""
    if value <= 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(value))
    return float(next(step * size for step in (1, 2, 4, 5, 8, 10) if step * size >= value))


def _text(x: float, y: float, text: str, *, css: str = "", anchor: str = "start") -> str:
    return f'<text class="{css}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(parts: Sequence[str], height: float, title: str) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            *parts,
            "</svg>",
            "",
        ]
    )
