#!/usr/bin/env python3
"""Whether a report is whole: whole.py DIR. Prints what is wrong; exit code 1 if anything is.

Both files are there; the JSON has each section, and numbers that are finite; the page is closed
properly, asks for nothing from elsewhere, and has a line for each thing that the JSON names.
"""

import html.parser
import json
import math
import pathlib
import sys

SECTIONS = ["where", "build", "tests", "roofline", "kernels", "steps", "pytorch"]
ALONE = {"meta", "br", "img", "link", "input", "hr"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.text = [], [], []
        self.ids, self.rows, self.bars = set(), 0, 0

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in ALONE:
            self.open.append(tag)
        self.ids.add(attributes.get("id"))
        self.rows += tag == "tr"
        self.bars += tag == "svg"
        if tag in ("script", "link", "img", "iframe") or {"src", "href"} & set(attributes):
            self.wrong.append(f"the page has <{tag}>, which may ask for something else")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing, at line {self.getpos()[0]}")

    def handle_data(self, data):
        self.text.append(data)
        if self.open and self.open[-1] == "style" and ("url(" in data or "@import" in data):
            self.wrong.append("the page's style asks for something else")


def numbers(value, path=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from numbers(inner, f"{path}[{place}]")
    elif isinstance(value, float):
        yield path, value


def named(data):
    """What the page must have a line for."""
    yield from data["failures"]
    yield data["where"]["nvcc"]
    yield from (t["program"] for t in data["tests"] or [])
    yield from (f["test"] for t in data["tests"] or [] for f in t["failed"][:20])
    yield from (r["name"] for r in (data["roofline"] or {}).get("rows", []))
    yield from (k["name"] for k in data["kernels"] or [])
    yield from (s["step"] for s in data["steps"] or [])
    yield from ((data["pytorch"] or {}).get("missing", ""),)
    yield from (side for r in (data["pytorch"] or {}).get("results", []) for side in r["sides"])


def wrong_with(folder):
    try:
        data = json.loads((folder / "report.json").read_text())
        source = (folder / "report.html").read_text()
    except (OSError, ValueError) as fault:
        return [str(fault)]
    missing = [key for key in ["mode", "failures", "seconds", *SECTIONS] if key not in data]
    if missing:
        return [f"report.json has no {key}" for key in missing]
    wrong = [f"report.json: {path} is {value}" for path, value in numbers(data)
             if not math.isfinite(value)]
    page = Page()
    page.feed(source)
    page.close()
    wrong += page.wrong
    if page.open:
        wrong.append(f"the page ends within <{page.open[-1]}>")
    wrong += [f"the page has no section {key}" for key in SECTIONS if key not in page.ids]
    words = "".join(page.text)
    wrong += [f"the page does not show {name}" for name in named(data) if name not in words]
    least = sum(len(data[key] or []) for key in ("tests", "kernels", "steps"))
    if page.rows < least:
        wrong.append(f"the page has {page.rows} lines in tables for {least} results")
    if (data["kernels"] or data["steps"]) and page.bars == 0:
        wrong.append("the page has no bar")
    return wrong


def main():
    if len(sys.argv) != 2:
        print("usage: whole.py DIR", file=sys.stderr)
        return 2
    wrong = wrong_with(pathlib.Path(sys.argv[1]))
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
