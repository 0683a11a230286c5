"""matplotlib, where there is one, and how Burin's pictures look."""

import os
import sys

SYSTEM_PYTHON = "/usr/bin/python3"
NO_MATPLOTLIB = 77  # exit code
HINT = "no matplotlib; on Debian or Ubuntu: apt install python3-matplotlib"
COLOURS = ["#4878a8", "#d1813b", "#5c9c62", "#a8577e", "#7a6bb0", "#8a8a8a"]


def pyplot_or_none():
    """The module; None if there is none. The system's package is the system's Python's, which may not be the
    first on PATH: then the program starts anew with that one."""
    try:
        import matplotlib
        matplotlib.use("Agg")
        from matplotlib import pyplot
        return pyplot
    except ImportError:
        pass
    other = os.path.exists(SYSTEM_PYTHON) and os.path.realpath(sys.executable) != os.path.realpath(SYSTEM_PYTHON)
    if other and "BURIN_PLOT_AGAIN" not in os.environ:
        os.environ["BURIN_PLOT_AGAIN"] = "1"
        os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON] + sys.argv)
    return None


def annotate(axes, points):
    """Writes (x, y, text, colour) beside their points, but for those that would cover another."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    written = []
    for x, y, text, colour in points:
        place = (x - left) / (right - left), (y - low) / (high - low)
        if any(abs(place[0] - a) < 0.06 and abs(place[1] - b) < 0.04 for a, b in written):
            continue
        written.append(place)
        axes.annotate(text, (x, y), xytext=(5, 5), textcoords="offset points", fontsize=7, color=colour)


def plain(axes):
    """No box, a faint grid behind what is drawn."""
    axes.grid(linewidth=0.4)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
