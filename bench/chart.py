"""A bar chart as SVG: panels of groups of bars, on a linear or logarithmic scale. Nothing but text, so diffs are readable."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LABELS, BAR, GAP = 860, 230, 16, 10
COLOURS = ("#2563eb", "#94a3b8", "#f59e0b", "#10b981", "#a855f7", "#ef4444", "#64748b", "#0ea5e9", "#84cc16")
FONT = 'font-family="system-ui, sans-serif" font-size="12"'


@dataclass(frozen=True, kw_only=True)
class Panel:
    """`groups` maps a group ("64 writers") to bars (contestant to value, all > 0). `unit` is written beside the title."""

    title: str
    unit: str
    groups: Mapping[str, Mapping[str, float]]
    logarithmic: bool = False


def svg(title: str, panels: Sequence[Panel]) -> str:
    """The whole picture; a contestant has one colour in all panels."""
    names = list(dict.fromkeys(bar for panel in panels for bars in panel.groups.values() for bar in bars))
    colours = {name: COLOURS[nr % len(COLOURS)] for nr, name in enumerate(names)}
    y, parts = 34, [_text(10, 22, title, 'font-weight="bold"')]
    for panel in panels:
        lines = list(_panel(panel, colours, y))
        parts += lines
        y += 34 + sum(len(bars) * BAR + GAP + 16 for bars in panel.groups.values())
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}">\n'
        f'<rect width="{WIDTH}" height="{y}" fill="white"/>\n{body}\n</svg>\n'
    )


def _panel(panel: Panel, colours: Mapping[str, str], y: int) -> Iterator[str]:
    values = [value for bars in panel.groups.values() for value in bars.values()]
    top, bottom = max(values), min(values) / 2
    y += 18
    scale = ", logarithmic" if panel.logarithmic else ""
    yield _text(10, y, f"{panel.title} ({panel.unit}{scale})", 'font-weight="bold"')
    y += 16
    for group, bars in panel.groups.items():
        y += 16
        yield _text(20, y - 3, group, 'fill="#475569"')
        for name, value in bars.items():
            share = math.log(value / bottom) / math.log(top / bottom) if panel.logarithmic else value / top
            width = max(1.0, share * (WIDTH - LABELS - 90))
            yield _text(LABELS - 8, y + 12, name, 'text-anchor="end"')
            yield (
                f'<rect x="{LABELS}" y="{y + 2}" width="{width:.1f}" height="{BAR - 4}" fill="{colours[name]}"/>'
                + _text(LABELS + width + 6, y + 12, f"{value:,.0f}" if value >= 10 else f"{value:.3g}", "")
            )
            y += BAR
        y += GAP


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" {FONT} {style}>{escape(text)}</text>'
