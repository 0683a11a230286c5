"""The tests of the CUDA code, and what came of them."""

import json
import re

# Each with the options for the software GPU that ctest gives it, and what is run of it there (ctest
# runs them whole), as a rule and when it must be quick.
PROGRAMS = [("tests/cuda_kernel_tests", ["--check"], "*leaky_relu*:*bce_logits*", "*leaky_relu*"),
            ("tests/cuda_model_tests", ["--count"], "CudaStep.*", "CudaStep.KernelsOfAGan*"),
            ("tests/cuda_command_tests", [], "Gpu.*", "Gpu.AutoTakes*")]
LIMIT = 3600  # s


def messages_of(text):
    """What each skipped test printed, by name; and the test that was begun and not ended."""
    skipped, lines, running = {}, [], ""
    for line in text.splitlines():
        if line.startswith("[ RUN      ] "):
            running, lines = line[13:], []
        elif running and re.match(r"\[\s+(OK|FAILED|SKIPPED) \] ", line):
            if "SKIPPED" in line[:12]:
                # The first line is the place in the source.
                skipped[running] = " ".join(x for x in lines[1:] if x) or "no reason was given"
            running = ""
        elif running:
            lines.append(line)
    return skipped, running


def names_of(tests):
    for suite in tests["testsuites"]:
        for test in suite["testsuite"]:
            yield f"{suite['name']}.{test['name']}", test


def run_one(report, program, softgpu, some):
    name = program.split("/")[-1]
    file = report.scratch / f"{name}.json"
    arguments = [f"--gtest_output=json:{file}"]
    if report.softgpu:
        arguments.append(f"--gtest_filter={some}")
    outcome = report.on_gpu(program, arguments, LIMIT, softgpu)
    skipped, running = messages_of(outcome.out)
    result = {"program": name, "filter": some if report.softgpu else "", "passed": 0, "failed": [],
              "skipped": {}, "seconds": outcome.seconds}
    for reason in skipped.values():
        result["skipped"][reason] = result["skipped"].get(reason, 0) + 1
    try:
        tests = dict(names_of(json.loads(file.read_text())))
    except (OSError, ValueError, KeyError):
        inside = f" in {running}" if running else ""
        report.fail(name, outcome.trouble() + inside)
        result["output"] = outcome.last_lines()
        return result
    ran = {test: x for test, x in tests.items() if x["status"] == "RUN"}
    for test, x in ran.items():
        if "failures" in x:
            result["failed"].append({"test": test, "message": x["failures"][0]["failure"]})
    result["passed"] = len(ran) - len(result["failed"]) - len(skipped)
    if result["failed"]:
        report.fail(name, f"{len(result['failed'])} of {len(ran)} tests failed, first "
                          f"{result['failed'][0]['test']}")
    elif outcome.trouble():  # a finding of the software GPU, or a crash at the end
        report.fail(name, outcome.trouble())
        result["output"] = outcome.last_lines()
    elif result["passed"] == 0:
        report.fail(name, "no test ran" + ("" if not skipped else ": all were skipped"))
    return result


def run_all(report):
    results = []
    for program, softgpu, some, few in PROGRAMS:
        results.append(run_one(report, program, softgpu, few if report.quick else some))
        r = results[-1]
        report.say(f"  {r['program']}: {r['passed']} passed, {len(r['failed'])} failed, "
                   f"{sum(r['skipped'].values())} skipped ({r['seconds']:.0f} s)")
    return results
