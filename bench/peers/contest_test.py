#!/usr/bin/env python3
"""Sides with known speeds, one that breaks down: whom peers/run compares, and what it reports."""

import argparse
import os
import sys
import tempfile

sys.dont_write_bytecode = True
import contest
import contestants

# A side whose step takes a given time, or which ends after some answers.
FAKE = """#!{python}
import json, sys, time
name, step_s, answers = {name!r}, {step_s}, {answers}
if name == "peer":
    json.loads(sys.stdin.readline())
    step_s = float(sys.argv[1])
print(json.dumps({{"images": 10, "pixels": 784, "mflop": 2.0, "work": "sample", "config": {{}},
                  "version": name, "note": {note!r}}}), flush=True)
for line in sys.stdin:
    if answers == 0:
        sys.exit("out of order")
    answers -= 1
    steps, begin = 0, time.perf_counter()
    while steps == 0 or time.perf_counter() - begin < float(line):
        time.sleep(step_s)
        steps += 1
    print(json.dumps({{"steps": steps, "seconds": steps * step_s, "processor_seconds": step_s,
                      "peak_kib": 2048}}), flush=True)
"""


def main():
    with tempfile.TemporaryDirectory() as folder:
        def program(file, name, step_s, answers=-1, note=""):
            path = os.path.join(folder, file)
            with open(path, "w") as out:
                out.write(FAKE.format(python=sys.executable, name=name, step_s=step_s,
                                      answers=answers, note=note))
            os.chmod(path, 0o755)
            return path

        options = argparse.Namespace(burin=program("burin_steps", "burin", 0.002), threads=1,
                                     data="", pilot=0.03, rounds=3, seconds=0.03)
        program("gemm_floor", "floor", 0.001)
        peer = program("peer", "peer", 0)
        broken = program("broken", "peer", 0, answers=3)
        other = program("other", "peer", 0, note="something else")

        def contestant(name, path, dimensions, **more):
            return contestants.Contestant(
                name, "made up", dimensions,
                lambda choice: ([path, choice.get("speed", "0.01")], {}), **more)

        peers = [contestant("peer", peer, {"speed": ["0.02", "0.004", "0.01"], "kind": ["a"]}),
                 contestant("broken", broken, {"speed": ["0.004"]}),
                 contestant("other", other, {"speed": ["0.001"]}),
                 contestant("absent", os.path.join(folder, "absent"), {}),
                 contestant("elsewhere", peer, {}, steps=["gan"])]
        lines = []
        result = contest.Contest(options, "sample", folder, lines.append).run(peers)

    def expect(what, is_so):
        if not is_so:
            sys.exit(f"FAILED: {what}\n{result}\n" + "\n".join(lines))

    sides = result["sides"]
    expect("the fastest variant is chosen", sides["peer"]["choice"]["speed"] == "0.004")
    expect("all variants are in the pilot's record",
           {p["choice"]["speed"] for p in result["pilot"]} == {"0.004", "0.01"}
           and result["pilot"][0]["against"]["speed"] == "0.02")
    expect("what breaks down is told with its own words", "broken" not in sides
           and "out of order" in result["failed"]["broken"])
    expect("what does not start is told", "absent" in result["failed"])
    expect("what cannot do the step is left out", "elsewhere" in result["skipped"])
    expect("who does something else is not the best peer", result["best_peer"] == "peer")
    expect("ratio", abs(sides["peer"]["burin_is_faster"]["median"] - 2.0) < 1e-9)
    expect("ratio by GF/s", abs(sides["other"]["burin_is_faster"]["median"] - 0.5) < 1e-9)
    expect("share of the floor", abs(result["share_of_floor"]["median"] - 0.5) < 1e-9)
    expect("images a second", abs(sides["Burin"]["images_per_s"]["median"] - 5000) < 1e-6)
    expect("time to the first step", 0 < sides["Burin"]["start_s"] < 60)
    print("passed")


if __name__ == "__main__":
    main()
