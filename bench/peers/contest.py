"""One step of peers/run: a pilot round that chooses variants, then rounds in which all take turns."""

import os
import statistics
import subprocess
import tempfile
import time

import contestants
import side

PILOT_TURNS = 5
# What more threads must bring, as in `burin train`: where two virtual processors are one, or another
# process runs, a pool of spinning threads can be slower by far in the next minute.
THREADS_MARGIN = 1.05


def rate(answer, images):
    return images * answer["steps"] / answer["seconds"]


def spread(values):
    return {"median": statistics.median(values), "least": min(values), "greatest": max(values),
            "rounds": values}


class Contest:
    """`say` tells a person what goes on."""

    def __init__(self, options, step, folder, say):
        self.options, self.step, self.folder, self.say = options, step, folder, say
        self.result = {"step": step, "pilot": [], "sides": {}, "skipped": {}, "failed": {}}

    def run(self, peers):
        options = self.options
        if not os.access(options.burin, os.X_OK):
            raise side.Failure(f"{options.burin} is missing; build it: cmake --preset cpu-release "
                               "&& cmake --build --preset cpu-release --target burin_steps")
        burin = contestants.burin(options, self.step)
        first = burin.start(burin.first_choice(), None)
        self.settings = first.hello
        first.close()
        floors, skipped = contestants.floors(options, self.step, self.settings["pixels"])
        self.result["skipped"].update(skipped)
        self.result.update({"config": self.settings["config"], "work": self.settings["work"],
                            "images": self.settings["images"], "mflop": self.settings["mflop"]})
        taking_part = [burin]
        for one in peers + floors:
            if one.steps and self.step not in one.steps:
                self.result["skipped"][one.name] = f"cannot do {self.step}"
                continue
            taking_part.append(one)
        for one in taking_part:
            self.try_to(one, lambda one=one: self.choose(one))
        chosen = [one for one in taking_part if one.name not in self.result["failed"]]
        if burin not in chosen:
            raise side.Failure(f"Burin cannot do {self.step}: {self.result['failed']['Burin']}")
        self.rounds(chosen)
        return self.result

    def try_to(self, one, action):
        try:
            return action()
        except (side.Failure, OSError, ValueError, KeyError) as failure:
            lines = []
            if os.path.exists(self.noise(one)):
                with open(self.noise(one), errors="replace") as errors:
                    lines = errors.read().strip().splitlines()
            why = f"{failure}" + (f": {lines[-1].strip()}" if lines else "")
            self.result["failed"][one.name] = why
            self.say(f"  {one.name}: failed: {why}")

    def noise(self, one):
        """Where a side's error stream goes."""
        return os.path.join(self.folder, one.name.replace(" ", "-") + ".txt")

    def start(self, one, choice, fresh):
        """`fresh`: with empty caches of compiled code."""
        cache = (tempfile.mkdtemp(dir=self.folder) if fresh
                 else os.path.join(self.folder, "pilot-cache"))
        with open(self.noise(one), "w") as errors:
            return one.start(choice, self.settings, errors, {"TORCHINDUCTOR_CACHE_DIR": cache})

    def images(self, made):
        return made.hello.get("images", self.settings["images"])

    def choose(self, one):
        """One dimension after another, each value against the best so far. The two take turns, so
        that what else the machine does at the time decides nothing."""
        one.choice = one.first_choice()
        if self.options.pilot == 0 or all(len(v) == 1 for v in one.dimensions.values()):
            return
        best = self.warm(one, one.choice)
        try:
            for name, values in one.dimensions.items():
                for value in values[1:]:
                    choice = {**one.choice, **{name: value}}
                    try:
                        other = self.warm(one, choice)
                        faster = self.speed_up(one, other, best, choice)
                    except (side.Failure, ValueError, KeyError) as failure:
                        self.say(f"  pilot {one.name}: no {contestants.told(choice)}: {failure}")
                        self.result["pilot"].append({"side": one.name, "choice": choice,
                                                     "failed": str(failure)})
                        continue
                    if faster > (THREADS_MARGIN if name == "threads" else 1.0):
                        other, best, one.choice = best, other, choice
                    other.close()
        finally:
            best.close()

    def warm(self, one, choice):
        made = self.start(one, choice, fresh=False)
        made.train(min(self.options.pilot, 0.3))  # not counted: compiling, caches
        return made

    def speed_up(self, one, other, best, choice):
        """Of `other`, running `choice`, over `best`: the median over turns."""
        rates = {other: [], best: []}
        for number in range(PILOT_TURNS):
            for made in (other, best) if number % 2 == 0 else (best, other):
                answer = made.train(self.options.pilot / PILOT_TURNS)
                rates[made].append(rate(answer, self.images(made)))
        figures = [statistics.median(rates[made]) for made in (other, best)]
        self.result["pilot"].append({
            "side": one.name, "choice": choice, "images_per_s": figures[0],
            "against": one.choice, "images_per_s_against": figures[1],
            "version": other.hello.get("version", "")})
        self.say(f"  pilot {one.name:20} {figures[0]:>9,.0f} images/s by {contestants.told(choice)}"
                 f"; {figures[1]:,.0f} by {contestants.told(one.choice)}")
        return statistics.median(a / b for a, b in zip(rates[other], rates[best]))

    def rounds(self, chosen):
        sides, starts, started = {}, {}, []
        for one in chosen:
            made = self.try_to(one, lambda one=one: self.start(one, one.choice, fresh=True))
            if made is None:
                continue
            started.append(made)
            starts[one.name] = self.try_to(one, made.first_step)
            if starts[one.name] is None:
                continue
            sides[one.name] = made
            self.try_to(one, lambda made=made: made.train(min(1.0, self.options.seconds)))
        by_name = {one.name: one for one in chosen}
        answers = []
        for number in range(self.options.rounds):
            names = [name for name in sides if name not in self.result["failed"]]
            turn = number % len(names)
            answers.append({"load_average": side.load()["load_average"][0]})
            for name in names[turn:] + names[:turn]:
                answer = self.try_to(by_name[name],
                                     lambda name=name: sides[name].train(self.options.seconds))
                if answer:
                    answers[-1][name] = answer
        for made in started:
            made.close()
        if "Burin" in self.result["failed"]:
            raise side.Failure(f"Burin: {self.result['failed']['Burin']}")
        self.result["load_average"] = [a["load_average"] for a in answers]
        self.result["burin_train_s"] = self.burin_train()
        for name, made in sides.items():
            if name not in self.result["failed"]:
                self.result["sides"][name] = self.figures(by_name[name], made, starts[name],
                                                          [a[name] for a in answers])
        self.ratios()

    def figures(self, one, made, start, answers):
        images = self.images(made)
        mflop = made.hello.get("mflop", self.settings["mflop"])
        wall = [a["steps"] / a["seconds"] for a in answers]
        busy = [a["steps"] / a["processor_seconds"] for a in answers]
        return {"kind": one.kind, "version": made.hello.get("version", ""), "choice": one.choice,
                "note": made.hello.get("note", ""), "images": images, "mflop": mflop,
                "images_per_s": spread([images * r for r in wall]),
                "gflop_per_s": spread([1e-3 * mflop * r for r in wall]),
                "gflop_per_processor_s": spread([1e-3 * mflop * r for r in busy]),
                "peak_mib": answers[-1]["peak_kib"] / 1024, "start_s": start, "rounds": answers}

    def ratios(self):
        """Round by round, because other processes slow all sides. A peer that does not do quite
        this step (it says so in a note) is compared by its GFLOP/s."""
        sides = self.result["sides"]
        for name, one in sides.items():
            kind = "gflop_per_s" if one["note"] else "images_per_s"
            one["burin_is_faster"] = spread([b / t for b, t in zip(
                sides["Burin"][kind]["rounds"], one[kind]["rounds"])])
        same = [n for n, s in sides.items() if s["kind"] not in ("burin", "floor")
                and not s["note"]]
        self.result["best_peer"] = min(
            same, key=lambda n: sides[n]["burin_is_faster"]["median"]) if same else None
        floors = [n for n, s in sides.items() if s["kind"] == "floor"]
        self.result["floor"] = floors[0] if floors else None
        if floors:
            # Time of the products over time of the step.
            self.result["share_of_floor"] = sides[floors[0]]["burin_is_faster"]

    def burin_train(self):
        """Seconds of `burin train` with one step, from its start to its end: with a checkpoint and
        a picture. Nothing where there is no such program beside burin_steps."""
        program = os.path.join(os.path.dirname(os.path.dirname(
            os.path.abspath(self.options.burin))), "burin")
        config = self.settings["config"]
        if self.settings["work"] != "train" or not os.access(program, os.X_OK):
            return None
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            begin = time.perf_counter()
            done = subprocess.run([program, "train", config["model"], "--preset",
                                   config["preset"], "--steps", "1", "--device", "cpu", "--data",
                                   self.options.data, "--threads", "1", "--out",
                                   os.path.join(folder, "run")],
                                  stdin=subprocess.DEVNULL, capture_output=True)
            return time.perf_counter() - begin if done.returncode == 0 else None
