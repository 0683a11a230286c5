#!/usr/bin/env python3
"""Tests of study/run: with the program on few images, killed and started again, and on made-up results.

usage: study/test.py BURIN
"""

import gzip
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "study"), str(ROOT / "tools")]

import experiments  # noqa: E402
import report       # noqa: E402

SMALL = "--data few --encoder-hidden 16 --decoder-hidden 16 --latent 3"
SPEC = {
    "title": "Small",
    "varied": "how",
    "variants": {"path": f"sweep vae --l1 0,1e-2 --seeds 2 --steps 20 --hold-out 100 --batch 50 --score-images 100 {SMALL}",
                 "one": f"train vae --l1 1e-2 --steps 60 {SMALL}"},
    "seeds": 2,
    "evaluate": "--metrics elbo --images 100 --train-images 100 --data few",
    "compact": "--rounds 1 --count 20",
    "columns": [{"heading": "held out", "figure": "elbo_validation"},
                {"heading": "ELBO", "figure": "evaluate.elbo.test"},
                {"heading": "zeros", "figure": "zeros_by_network.decoder", "format": "%1"}],
}
BURIN = None


def made_up(figures, **more):
    return {"variant": "", "penalty": "l1", "lambda": 0.001, "seed": 1, "diverged": False, "figures": figures} | more


def few_images(directory):
    """The first 400 training and 100 test images of MNIST, as IDX files."""
    directory.mkdir()
    for kind, count in (("train", 400), ("t10k", 100)):
        for what, header, size in (("images-idx3", 16, 784), ("labels-idx1", 8, 1)):
            name = f"{kind}-{what}-ubyte"
            with gzip.open(ROOT / "data" / "mnist" / f"{name}.gz") as file:
                head, rest = file.read(header), file.read(count * size)
            (directory / name).write_bytes(head[:4] + struct.pack(">i", count) + head[8:] + rest)


class Study(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        for name in ("study/experiments", "docs/images", "tools"):
            (self.root / name).mkdir(parents=True)
        for path in [*(ROOT / "study").glob("*.py"), ROOT / "study" / "run"]:
            shutil.copy(path, self.root / "study")
        shutil.copy(ROOT / "tools" / "pyplot.py", self.root / "tools")
        few_images(self.root / "few")
        self.page = self.root / "docs" / "study.md"
        self.page.write_text("By hand.\n\n<!-- study small -->\n<!-- end small -->\n\nMore.\n")
        self.put(SPEC)

    def put(self, spec):
        (self.root / "study/experiments/small.json").write_text(spec if isinstance(spec, str) else json.dumps(spec))

    def command(self, *more):
        return [sys.executable, self.root / "study/run", "--burin", BURIN, *more]

    def run_it(self, *more):
        return subprocess.run(self.command(*more), text=True, capture_output=True, timeout=120)

    def results(self):
        return json.loads((self.root / "study/results/small.json").read_text())["runs"]

    def test_runs_all_and_writes_the_page(self):
        done = self.run_it("--jobs", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = self.results()
        self.assertEqual([(row["variant"], row.get("lambda"), row["seed"]) for row in rows],
                         [("path", 0, 1), ("path", 0.01, 1), ("path", 0, 2), ("path", 0.01, 2),
                          ("one", None, 1), ("one", None, 2)])
        for row in rows:
            self.assertLess(row["figures"]["evaluate.elbo.test"], 0)
        # Of the same model twice, by the sweep and by evaluate: the images are others.
        self.assertNotEqual(rows[0]["figures"]["elbo_validation"], rows[0]["figures"]["evaluate.elbo.test"])
        self.assertEqual(rows[0]["figures"]["elbo_test"], rows[0]["figures"]["evaluate.elbo.test"])
        self.assertIn("compact.bytes.compact", rows[4]["figures"])
        page = self.page.read_text()
        self.assertTrue(page.startswith("By hand.\n") and page.endswith("\nMore.\n"))
        self.assertIn("| how | lambda | runs | held out | ELBO | zeros |", page)
        self.assertIn("| path | 0.01 | 2 | ", page)
        self.assertEqual(self.run_it("--check").returncode, 0)
        # What is there is not made again.
        trained = self.root / "runs/study/small/one-seed1/checkpoint.safetensors"
        before = trained.stat().st_mtime_ns
        self.assertEqual(self.run_it().returncode, 0)
        self.assertEqual(trained.stat().st_mtime_ns, before)
        self.assertEqual(self.results(), rows)
        # Results of other commands are not shown.
        self.put(SPEC | {"seeds": 1})
        self.assertEqual(self.run_it("--check").returncode, 1)
        self.assertEqual(self.run_it("--write").returncode, 0)
        self.assertIn("Not yet run", self.page.read_text())

    def test_another_command_in_the_same_place_is_run_anew(self):
        spec = {"title": "x", "variants": {"": SPEC["variants"]["one"]}, "evaluate": SPEC["evaluate"], "columns": []}
        found = []
        for steps in ("60", "40", "60"):
            self.put(spec | {"variants": {"": SPEC["variants"]["one"].replace("60", steps)}})
            self.assertEqual(self.run_it().returncode, 0)
            found.append(self.results()[0]["figures"])
        for name in ("losses.test_elbo", "evaluate.elbo.test"):
            self.assertNotEqual(found[0][name], found[1][name])
            self.assertEqual(found[0][name], found[2][name])

    def test_a_run_begins_with_an_earlier_one(self):
        one = SPEC["variants"]["one"]
        found = []
        for steps in ("60", "40"):
            self.put({"title": "x", "variants": {"a one": one.replace("60", steps), "two": f"{one} --init-from '{{a one}}'"},
                      "seeds": 2, "columns": []})
            done = self.run_it("--jobs", "4")
            self.assertEqual(done.returncode, 0, done.stderr)
            for seed in (1, 2):
                config = json.loads((self.root / f"runs/study/small/two-seed{seed}/config.json").read_text())
                self.assertEqual(config["init_from"], str(self.root / f"runs/study/small/a-one-seed{seed}"))
            rows = [row["figures"] for row in self.results()]
            found.append(rows)
            for first, then in zip(rows[:2], rows[2:]):
                self.assertGreater(then["losses.test_elbo"], first["losses.test_elbo"])
        # The second command is the same, but not what it began with.
        self.assertNotEqual(found[0][2]["losses.test_elbo"], found[1][2]["losses.test_elbo"])

    def test_a_command_keeps_its_own_seed(self):
        one = SPEC["variants"]["one"]
        self.put({"title": "x", "variants": {"a": one, "b": f"{one} --init-from '{{a}}' --seed 7"}, "columns": []})
        self.assertEqual(self.run_it().returncode, 0)
        seeds = [json.loads((self.root / f"runs/study/small/{name}-seed1/config.json").read_text())["seed"]
                 for name in ("a", "b")]
        self.assertEqual(seeds, [1, 7])

    def test_killed_it_goes_on_to_the_same_figures(self):
        self.put(SPEC | {"variants": {"one": SPEC["variants"]["one"].replace("60", "800") +
                                              " --preset mnist-vae --checkpoint-every 5 --sample-every 0"},
                         "seeds": 1, "compact": "--rounds 1 --count 20"})
        process = subprocess.Popen(self.command(), start_new_session=True, stdout=subprocess.DEVNULL)
        checkpoint = self.root / "runs/study/small/one-seed1/checkpoint.safetensors"
        while process.poll() is None and not checkpoint.exists():
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        self.assertEqual(process.wait(), -signal.SIGKILL)
        self.assertFalse((self.root / "study/results/small.json").exists())
        done = self.run_it()
        self.assertEqual(done.returncode, 0, done.stderr)
        figures = self.results()[0]["figures"]
        shutil.rmtree(self.root / "runs")
        self.assertEqual(self.run_it().returncode, 0)
        again = self.results()[0]["figures"]
        for name in ("losses.test_elbo", "losses.kl", "zeros_by_network.decoder", "evaluate.elbo.test"):
            self.assertEqual(figures[name], again[name])

    def test_bad_input_is_one_line(self):
        for spec, expected in (("{", "small.json: "), (SPEC | {"colums": []}, "unknown key 'colums'"),
                               ({"title": "x", "variants": {}}, "no 'columns'"),
                               (SPEC | {"variants": {"": "sample x"}}, "expected sweep or train, found 'sample x'"),
                               (SPEC | {"columns": [{"heading": "x"}]}, "expected a heading and a figure"),
                               (SPEC | {"variants": {"a b": "train vae", "a-b": "train gan"}}, "differ in more than signs"),
                               (SPEC | {"variants": {"a": "train vae --init-from {b}", "b": "train vae"}}, "{b}: expected an earlier"),
                               (SPEC | {"variants": {"a": "sweep vae", "b": "sweep vae --init-from {a}"}}, "{a}: expected an earlier"),
                               (SPEC | {"variants": {"a": "train vae --seed 7"}}, "--seed, and seeds is 2"),
                               (SPEC | {"variants": {"": "train vae --steps x"}}, "burin train vae --steps x")):
            self.put(spec)
            done = self.run_it()
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn(expected, done.stderr)
        self.put(SPEC)
        for more, expected in ((["--only", "smal"], "no such experiment; there are small"),
                               (["--jobs", "0"], "expected at least 1"),
                               (["--burin", "none"], "none: no such program")):
            done = self.run_it(*more)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
            self.assertIn(expected, done.stderr)
        (self.root / "study/results").mkdir()
        for text in ("{", "[]", "{}"):
            (self.root / "study/results/small.json").write_text(text)
            done = self.run_it("--check")
            self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
            self.assertIn("results/small.json", done.stderr)
        (self.root / "study/results/small.json").unlink()
        self.page.write_text("no marks")
        self.assertIn("expected one line '<!-- study small -->'", self.run_it("--write").stderr)


class Report(unittest.TestCase):
    def test_cells(self):
        runs = [made_up({"x": value}) for value in (1.0, 2.0, 4.0)] + [made_up({}), made_up({"x": 99.0}, diverged=True)]
        for column, expected in (({}, "2.33 ± 1.53"), ({"format": "0"}, "2 ± 2"), ({"format": "%1"}, "233.3 ± 152.8 %"),
                                 ({"of": "min"}, "1.00"), ({"of": "max", "format": "1"}, "4.0")):
            self.assertEqual(report.cell(runs, {"figure": "x"} | column), expected)
        self.assertEqual(report.cell(runs[:1], {"figure": "x"}), "1.00")
        self.assertEqual(report.cell(runs, {"figure": "y"}), "")

    def test_numbers(self):
        self.assertEqual([report.number(value) for value in (0, 3e-05, 1e-4, 0.003, 2e10)],
                         ["0", "3e-5", "0.0001", "0.003", "2e10"])

    def test_flat(self):
        self.assertEqual(experiments.flat({"a": {"b": 1, "c": "word", "d": [2.5, None]}, "e": True}), {"a.b": 1, "a.d.0": 2.5})


if __name__ == "__main__":
    BURIN = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
