"""What docs/study.md shows of the results: a table and a picture for each experiment.

The page has a place for each, between two lines; what is between them is written here, all else by hand:
  <!-- study NAME -->
  <!-- end NAME -->

A column is {"heading", "figure", "format", "of"}: format is the number of decimals, behind "%" for a share; of is what
is said of the runs: "mean" (the default: mean and, of several runs, standard deviation over n - 1), "min" or "max".
A figure that no run of a row has is left empty.
"""

import re
import statistics
import sys

from experiments import Problem
from pyplot import COLOURS, HINT, annotate, plain, pyplot_or_none


def rows_of(runs):
    """Runs by variant, penalty and lambda, in the order in which they come."""
    groups = {}
    for run in runs:
        groups.setdefault((run["variant"], run.get("penalty"), run.get("lambda")), []).append(run)
    return groups


def values(runs, figure):
    return [run["figures"][figure] for run in runs if figure in run["figures"] and not run["diverged"]]


def spread(found):
    """Mean, and standard deviation over n - 1; None of one."""
    return statistics.fmean(found), statistics.stdev(found) if len(found) > 1 else None


def cell(runs, column):
    found = values(runs, column["figure"])
    if not found:
        return ""
    form, of = str(column.get("format", "2")), column.get("of", "mean")
    scale, unit = (100, " %") if form.startswith("%") else (1, "")
    decimals = int(form.lstrip("%"))
    if of in ("min", "max"):
        return f"{scale * {'min': min, 'max': max}[of](found):.{decimals}f}{unit}"
    mean, deviation = spread(found)
    text = f"{scale * mean:.{decimals}f}"
    if deviation is not None:
        text += f" ± {scale * deviation:.{decimals}f}"
    return text + unit


def number(value):
    """3e-05 as 3e-5."""
    return re.sub(r"e([+-])0*(\d+)", lambda m: "e" + m[1].strip("+") + m[2], f"{value:g}")


def table(experiment):
    spec, groups = experiment.spec, rows_of(experiment.results())
    several = len(spec["variants"]) > 1
    penalties = len({penalty for _, penalty, _ in groups} - {None}) > 1
    lambdas = len({(penalty, value) for _, penalty, value in groups if value is not None}) > 1
    heads = [spec.get("varied", "run")] * several + ["penalty"] * penalties + ["lambda"] * lambdas + ["runs"]
    heads += [column["heading"] for column in spec["columns"]]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for (variant, penalty, value), runs in groups.items():
        diverged = sum(run["diverged"] for run in runs)
        first = [variant] * several + [penalty or ""] * penalties
        first += [number(value) if value is not None else ""] * lambdas
        first.append(f"{len(runs)}" + (f", {diverged} diverged" if diverged else ""))
        lines.append("| " + " | ".join(first + [cell(runs, column) for column in spec["columns"]]) + " |")
    return lines


def commands(experiment):
    """What repeats the runs by hand."""
    spec, lines = experiment.spec, []
    for command in spec["variants"].values():
        seeds = spec.get("seeds", 1)
        lines.append(f"    burin {command}" + (f" --seed 1 ... {seeds}" if command.startswith("train") and seeds > 1 else ""))
    for after in ("evaluate", "compact"):
        if after in spec:
            lines.append(f"    burin {after} RUN {spec[after]}".rstrip())
    return lines


def picture_name(experiment):
    return f"study-{experiment.name}.png"


def section(experiment):
    """The lines between the two that mark an experiment's place."""
    if not experiment.results():
        return ["", f"*Not yet run: `study/run --only {experiment.name}`.*", ""]
    lines = ["", *commands(experiment), "", *table(experiment), ""]
    if "picture" in experiment.spec:
        lines += [f"![{experiment.title}](images/{picture_name(experiment)})", ""]
    return lines


def lines_of(experiment):
    """What is drawn: {label of a line: [(x, y, label of the point)]}, x and y each mean and deviation. Where lambda
    varies there is a line for each variant and penalty, else one through the variants."""
    axes, groups = experiment.spec["picture"], rows_of(experiment.results())
    path = len({value for _, _, value in groups if value is not None}) > 1
    lines = {}
    for (variant, penalty, value), runs in groups.items():
        x, y = (values(runs, axes[axis]["figure"]) for axis in ("x", "y"))
        if not x or not y:
            continue
        line = " ".join(word for word in (variant, penalty) if word) if path else ""
        lines.setdefault(line, []).append((spread(x), spread(y), number(value) if path else variant))
    return {line: sorted(points, key=lambda point: point[0][0]) for line, points in lines.items()}


def draw(experiment, pyplot):
    """Bars are one standard deviation."""
    spec, lines = experiment.spec["picture"], lines_of(experiment)
    figure, axes = pyplot.subplots(figsize=(7, 4.2))
    scales = [100 if spec[axis].get("percent") else 1 for axis in ("x", "y")]
    labels = []
    for place, (line, points) in enumerate(lines.items()):
        colour = COLOURS[place % len(COLOURS)]
        means, bars = ([[scales[axis] * (point[axis][part] or 0) for point in points] for axis in (0, 1)] for part in (0, 1))
        axes.errorbar(*means, xerr=bars[0], yerr=bars[1], color=colour, marker="o", markersize=4, linewidth=1,
                      capsize=2, label=line)
        labels += [(x, y, point[2], colour) for x, y, point in zip(*means, points)]
    annotate(axes, labels)
    axes.set_xlabel(spec["x"]["label"])
    axes.set_ylabel(spec["y"]["label"])
    plain(axes)
    if len(lines) > 1:
        axes.legend(fontsize=8, frameon=False)
    figure.tight_layout()
    return figure


def page_with(experiments, text):
    """The page with every experiment's section anew."""
    for experiment in experiments:
        begin, end = f"<!-- study {experiment.name} -->", f"<!-- end {experiment.name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise Problem(f"docs/study.md: expected one line '{begin}' and one '{end}'")
        before, rest = text.split(begin)
        text = before + begin + "\n".join(["", *section(experiment), end]) + rest.split(end)[1]
    return text


def read(page):
    try:
        return page.read_text()
    except OSError as fault:
        raise Problem(f"{page}: {fault.strerror}") from None


def write(experiments, page, images):
    page.write_text(page_with(experiments, read(page)))
    pyplot = pyplot_or_none()
    if pyplot is None:
        print(f"study: no pictures: {HINT}", file=sys.stderr)
        return
    for experiment in experiments:
        if "picture" in experiment.spec and experiment.results():
            draw(experiment, pyplot).savefig(images / picture_name(experiment), dpi=130)


def check(experiments, page):
    text = read(page)
    if page_with(experiments, text) == text:
        return 0
    print("study: docs/study.md is not what study/results says; study/run --write", file=sys.stderr)
    return 1
