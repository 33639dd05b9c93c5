"""Draws a Grafana dashboard from a real Prometheus, so that its panels can be looked at without a Grafana.

Knows what the dashboard uses: rows, stats with thresholds, time series with the units s, ops and none. The rates take four
scrapes, as Grafana's $__rate_interval does.

usage: draw-dashboard.py DASHBOARD.json URL SCRAPE_INTERVAL SECONDS PICTURE.png
"""

import json
import math
import sys
import time
import urllib.parse
import urllib.request

from PIL import Image, ImageDraw, ImageFont

CELL = (58, 34)
GAP = 4
PAGE, PANEL, GRID, TEXT, FAINT = "#111217", "#181b1f", "#2c3235", "#ccccdc", "#7b8087"
SERIES = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0", "#37872d", "#fade2a"]
NAMED = {"red": "#c4162a", "green": "#299c46", "orange": "#d68b00", "blue": "#1f60c4", "yellow": "#e0b400", "text": "#464c54"}


def font(size):
    return ImageFont.load_default(size)


class Prometheus:
    def __init__(self, url, scrape, seconds):
        self.url, self.rate = url, f"{4 * int(scrape.rstrip('s'))}s"
        self.end = time.time()
        self.begin = self.end - seconds

    def ask(self, path, expression, **more):
        for name, value in (("$__rate_interval", self.rate), ("$namespace", ".*"), ("$election", ".*")):
            expression = expression.replace(name, value)
        query = urllib.parse.urlencode({"query": expression, **more})
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}") as answer:
            return json.load(answer)["data"]["result"]

    def series(self, target):
        """Pairs of a name and the points of a target."""
        if target.get("instant"):
            found = [(one["metric"], [one["value"]]) for one in self.ask("query", target["expr"], time=self.end)]
        else:
            asked = self.ask("query_range", target["expr"], start=self.begin, end=self.end, step=1)
            found = [(one["metric"], one["values"]) for one in asked]
        for labels, points in found:
            numbers = [(at, float(value)) for at, value in points]
            # Not a number is nothing to draw.
            yield legend(target, labels), [point for point in numbers if point[1] == point[1]]


def legend(target, labels):
    name = target.get("legendFormat") or json.dumps(labels)
    for label, value in labels.items():
        name = name.replace("{{" + label + "}}", value)
    return name


def shown(value, unit):
    """A value as a person reads it."""
    if unit == "s":
        for factor, sign in ((1, "s"), (1e-3, "ms"), (1e-6, "us")):
            if abs(value) >= factor:
                return f"{value / factor:.3g} {sign}"
        return "0 s"
    text = f"{value:.0f}" if value == int(value) else f"{value:.3g}"
    return f"{text} /s" if unit == "ops" else text


def colour(defaults, value):
    steps = defaults.get("thresholds", {}).get("steps", [])
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return NAMED.get(reached[-1], reached[-1]) if reached else NAMED["text"]


def draw_stat(draw, box, panel, series):
    left, top, right, bottom = box
    defaults = panel["fieldConfig"]["defaults"]
    width = (right - left) / max(1, len(series))
    for index, (name, points) in enumerate(series):
        value = points[-1][1]
        cell = (left + index * width, top, left + (index + 1) * width - 1, bottom)
        draw.rectangle(cell, fill=colour(defaults, value))
        text = name if panel["options"].get("textMode") == "name" else shown(value, defaults["unit"])
        middle = ((cell[0] + cell[2]) / 2, (top + bottom) / 2)
        size = 34
        while size > 10 and draw.textlength(text, font(size)) > width - 12:
            size -= 2
        draw.text(middle, text, fill="white", font=font(size), anchor="mm")


def ticks(defaults, series):
    """Round values, at most five, that hold all points between the first and the last."""
    values = [value for _, points in series for _, value in points]
    low = min(values) if defaults.get("min") is None else defaults["min"]
    high = max(values) if defaults.get("max") is None else defaults["max"]
    width = (high - low) or 1
    least = 1 if defaults.get("decimals") == 0 else 0
    step = 10 ** math.floor(math.log10(width))
    step = next(step * part for part in (0.2, 0.25, 0.5, 1, 2, 2.5, 5) if width / (step * part) <= 4)
    step = max(step, least)
    first = math.floor(low / step)
    return [step * (first + index) for index in range(math.ceil(high / step - first) + 1)] if high > low else [low, low + 1]


def draw_lines(image, box, panel, series, span):
    draw = ImageDraw.Draw(image, "RGBA")
    left, top, right, bottom = box[0] + 52, box[1] + 4, box[2] - 8, box[3] - 36
    defaults = panel["fieldConfig"]["defaults"]
    custom = defaults.get("custom", {})
    marks = ticks(defaults, series)
    low, high = marks[0], marks[-1]
    across = lambda at: left + (at - span[0]) / (span[1] - span[0]) * (right - left)  # noqa: E731
    up = lambda value: bottom - (value - low) / (high - low) * (bottom - top)  # noqa: E731
    for value in marks:
        draw.line((left, up(value), right, up(value)), fill=GRID)
        draw.text((left - 6, up(value)), shown(value, defaults["unit"]), fill=FAINT, font=font(10), anchor="rm")
    for step in range(4):
        at = span[0] + (span[1] - span[0]) * step / 3
        anchor = "lm" if step == 0 else "rm" if step == 3 else "mm"
        draw.text((across(at), bottom + 9), time.strftime("%H:%M:%S", time.gmtime(at)), fill=FAINT, font=font(10), anchor=anchor)
    for index, (_, points) in enumerate(series):
        line = SERIES[index % len(SERIES)]
        for run in runs(points):
            corners = path(run, custom.get("lineInterpolation") == "stepAfter")
            places = [(across(at), up(value)) for at, value in corners]
            if len(places) == 1:
                draw.ellipse((places[0][0] - 2, places[0][1] - 2, places[0][0] + 2, places[0][1] + 2), fill=line)
                continue
            opacity = f"{custom.get('fillOpacity', 0) * 255 // 100:02x}"
            draw.polygon([*places, (places[-1][0], bottom), (places[0][0], bottom)], fill=line + opacity)
            draw.line(places, fill=line, width=2)
    names(draw, (left, bottom + 26, right), series)


def runs(points):
    """Where no point is for longer than a scrape and a half, the line is cut."""
    run = []
    for point in points:
        if run and point[0] - run[-1][0] > 1.5:
            yield run
            run = []
        run.append(point)
    if run:
        yield run


def path(run, is_stepped):
    if not is_stepped:
        return run
    corners = [run[0]]
    for at, value in run[1:]:
        corners += [(at, corners[-1][1]), (at, value)]
    return corners


def names(draw, line, series):
    at, middle, right = line
    for index, (name, _) in enumerate(series):
        width = draw.textlength(name, font(11)) + 26
        if at + width > right:
            draw.text((at, middle), "…", fill=FAINT, font=font(11), anchor="lm")
            return
        draw.rectangle((at, middle - 2, at + 12, middle + 1), fill=SERIES[index % len(SERIES)])
        draw.text((at + 16, middle), name, fill=TEXT, font=font(11), anchor="lm")
        at += width


def draw_panel(image, panel, prometheus):
    draw = ImageDraw.Draw(image)
    place = panel["gridPos"]
    left, top = place["x"] * CELL[0] + GAP, place["y"] * CELL[1] + GAP
    right, bottom = (place["x"] + place["w"]) * CELL[0] - GAP, (place["y"] + place["h"]) * CELL[1] - GAP
    if panel["type"] == "row":
        draw.text((left + 6, (top + bottom) / 2), panel["title"], fill="white", font=font(18), anchor="lm")
        return
    draw.rectangle((left, top, right, bottom), fill=PANEL, outline=GRID)
    title = panel["title"]
    assert draw.textlength(title, font(13)) < right - left - 16, f"the title does not fit: {title}"
    draw.text((left + 8, top + 13), title, fill=TEXT, font=font(13), anchor="lm")
    series = [one for target in panel["targets"] for one in prometheus.series(target) if one[1]]
    box = (left + 1, top + 26, right - 1, bottom - 1)
    if not series:
        draw.text(((left + right) / 2, (top + bottom) / 2), "No data", fill=FAINT, font=font(16), anchor="mm")
    elif panel["type"] == "stat":
        draw_stat(draw, box, panel, series)
    else:
        draw_lines(image, box, panel, series, (prometheus.begin, prometheus.end))


def main():
    dashboard, url, scrape, seconds, picture = sys.argv[1:]
    with open(dashboard, encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    prometheus = Prometheus(url, scrape, int(seconds))
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    image = Image.new("RGB", (24 * CELL[0], rows * CELL[1]), PAGE)
    for panel in panels:
        draw_panel(image, panel, prometheus)
    image.quantize(64, dither=Image.Dither.NONE).save(picture, optimize=True)


main()
