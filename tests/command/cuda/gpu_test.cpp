// `burin train` on the GPU, and what it says when there is none or it fails. The faults are the
// software GPU's (docs/softgpu.md): this program, and the command that it starts, must run on it.
#include <cstdlib>

#include "engine/backend/cuda.h"
#include "tests/command/command_case.h"

namespace burin::test {
namespace {

using nlohmann::json;

// An environment variable for the commands that follow.
class Setting {
 public:
  Setting(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  ~Setting() { unsetenv(name_); }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  const char* name_;
};

class Gpu : public CommandTest {
 protected:
  void SetUp() override {
    if (!cuda::missing().empty()) GTEST_SKIP() << cuda::missing();
  }
};

// Faults on request.
class GpuFault : public Gpu {
 protected:
  void SetUp() override {
    Gpu::SetUp();
    if (!IsSkipped() && cuda::device_info().name != "Burin software GPU") {
      GTEST_SKIP() << "faults are made on the software GPU";
    }
  }
  // The run ended with one line at the end of its messages, which holds all of `parts`.
  static void expect_failed(const Outcome& outcome, std::initializer_list<std::string_view> parts) {
    EXPECT_EQ(outcome.code, 1) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    const size_t line = outcome.err.rfind("burin: ");
    ASSERT_NE(line, std::string::npos) << outcome.err;
    expect_line(outcome.err.substr(line), parts);
  }
  // The checkpoint can be read: it is whole.
  void expect_whole_checkpoint(const std::string& run) const {
    EXPECT_NO_THROW(SafetensorsFile::load(scratch_.path(run + "/checkpoint.safetensors")));
  }
};

Arguments on(const std::string& device, const Arguments& more = {}) {
  return Arguments{"--device", device} + more;
}

TEST_F(Gpu, TrainsAsTheCpu) {
  for (const std::string model : {"gan", "vae"}) {
    const Arguments more = {"--steps", "30", "--json", "--log-every", "10", "--l1", "0.01"};
    const Outcome cpu = expect_success(train(model, model + "-cpu", on("cpu", more)));
    const Outcome gpu = expect_success(train(model, model + "-gpu", on("cuda", more)));
    expect_same_bits(model + "-cpu", model + "-gpu");
    const json on_cpu = json::parse(cpu.out), on_gpu = json::parse(gpu.out);
    EXPECT_EQ(on_gpu["zeros"], on_cpu["zeros"]);
    EXPECT_EQ(on_gpu["steps"], 30);
    for (const auto& [name, loss] : on_cpu["losses"].items()) {
      EXPECT_NEAR(on_gpu["losses"][name].get<double>(), loss.get<double>(),
                  1e-6 * std::abs(loss.get<double>()))
          << name;
    }
    EXPECT_EQ(metrics(model + "-gpu").size(), metrics(model + "-cpu").size());
    EXPECT_EQ(scratch_.read(model + "-gpu/samples/000030.png"),
              scratch_.read(model + "-cpu/samples/000030.png"));
  }
}

TEST_F(Gpu, AutoTakesItAndSaysWhatItTakes) {
  const Outcome outcome = expect_success(gan("run", {"--steps", "2"}));
  EXPECT_NE(outcome.err.find(cuda::device_info().name), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("temporaries"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("are free"), std::string::npos) << outcome.err;
  const Outcome info = expect_success({"info", "--json"});
  EXPECT_EQ(json::parse(info.out)["gpu"].get<std::string>().rfind(cuda::device_info().name, 0), 0u);
}

TEST_F(Gpu, ARunGoesOnOnTheOtherDevice) {
  expect_success(gan("whole", on("cpu", {"--steps", "20"})));
  expect_success(gan("part", on("cuda", {"--steps", "7"})));
  expect_success({"train", "gan", "--out", "part", "--resume", "--steps", "13", "--device", "cpu"});
  expect_success(
      {"train", "gan", "--out", "part", "--resume", "--steps", "20", "--device", "cuda"});
  expect_same_bits("whole", "part");
}

TEST_F(Gpu, PrecisionAndLibrary) {
  const Setting cache("XDG_CACHE_HOME", scratch_.path("cache"));
  const std::string file = "cache/burin/gemm.json";
  const Arguments steps = {"--steps", "3", "--json"};
  const Outcome own = expect_success(vae("own", on("cuda", steps)));
  EXPECT_FALSE(std::filesystem::exists(scratch_.path(file)));
  const double loss = json::parse(own.out)["losses"]["reconstruction"];
  for (const char* precision : {"fp32", "tf32", "bf16"}) {
    for (const char* library : {"cublas", "auto"}) {
      const std::string out = std::string(precision) + "-" + library;
      const Outcome outcome = expect_success(
          vae(out, on("cuda", steps + Arguments{"--precision", precision, "--gemm", library})));
      EXPECT_NEAR(json::parse(outcome.out)["losses"]["reconstruction"].get<double>(), loss,
                  0.05 * loss);
    }
  }
  const std::string measured = scratch_.read(file);
  EXPECT_EQ(json::parse(measured)["cards"].size(), 3u) << measured;  // one a precision
  // What was measured holds for the next run; a damaged cache is made anew.
  const Arguments again = on("cuda", steps + Arguments{"--gemm", "auto"});
  expect_success(vae("again", again));
  EXPECT_EQ(scratch_.read(file), measured);
  expect_same_bits("fp32-auto", "again");
  // A plan that this product cannot have is not taken.
  std::string wrong = measured;
  for (const std::string rung : {"\"tiled ", "\"cublas ", "\"tensor "}) {
    for (size_t at = 0; (at = wrong.find(rung, at)) != std::string::npos;) {
      wrong.replace(at, rung.size(), "\"vector ");
    }
  }
  ASSERT_NE(wrong, measured);
  scratch_.write(file, wrong);
  expect_success(vae("corrected", again));
  scratch_.write(file, measured.substr(0, measured.size() / 2));
  expect_success(vae("anew", again));
  EXPECT_EQ(json::parse(scratch_.read(file))["cards"].size(), 1u);
}

TEST_F(Gpu, PrecisionIsOfTheGpuAlone) {
  expect_refused(vae("run", on("cpu", {"--precision", "tf32"})), 2, {"precision", "tf32", "fp32"});
  expect_refused(vae("run", on("cpu", {"--gemm", "auto"})), 2, {"gemm", "auto", "own"});
  expect_refused(vae("run", {"--precision", "fp64"}), 2, {"--precision", "fp64", "bf16"});
}

struct Absence {
  const char* name;
  const char* variable;
  const char* value;
  const char* said;
};
const Absence kAbsences[] = {
    {"no device", "SOFTGPU_DEVICES", "0", "no NVIDIA GPU was found"},
    {"an old driver", "SOFTGPU_FAIL", "cudaGetDeviceCount:1+:cudaErrorInsufficientDriver",
     "driver"},
    {"a busy device", "SOFTGPU_FAIL", "cudaFree:1:cudaErrorDevicesUnavailable", "busy"},
    {"an old device", "SOFTGPU_ARCH", "70", "no code"},
};

TEST_F(GpuFault, WithoutAGpuThereIsTheCpu) {
  for (const Absence& absence : kAbsences) {
    SCOPED_TRACE(absence.name);
    const Setting setting(absence.variable, absence.value);
    const auto before = snapshot();
    expect_failed(run(gan("run", on("cuda"))), {"burin: --device cuda: ", absence.said});
    EXPECT_TRUE(snapshot() == before) << "files were changed";
    const Outcome outcome = expect_success(gan("run", on("auto", {"--steps", "2"})));
    EXPECT_NE(outcome.err.find("on the CPU ("), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find(absence.said), std::string::npos) << outcome.err;
    std::filesystem::remove_all(scratch_.path("run"));
    const Outcome info = expect_success({"info"});
    EXPECT_NE(info.out.find(absence.said), std::string::npos) << info.out;
  }
}

TEST_F(GpuFault, TooLittleMemoryIsKnownBefore) {
  const Setting setting("SOFTGPU_MEMORY", "1000000");
  expect_refused({"train", "vae", "--data", "data", "--latent", "4000", "--batch", "16", "--out",
                  "run", "--device", "cuda"},
                 1, {"out of memory", "batch 16", "networks", "are free", "smaller --batch"});
}

// Whatever call for memory fails, the run says how much was needed, and leaves nothing behind.
TEST_F(GpuFault, EveryAllocationMayFail) {
  int failures = 0;
  for (int n = 1; n < 100; ++n) {
    SCOPED_TRACE(n);
    const Setting setting("SOFTGPU_FAIL", "cudaMalloc:" + std::to_string(n));
    const Outcome outcome = run(vae("run", on("cuda", {"--steps", "3"})));
    if (outcome.code == 0) break;
    ++failures;
    expect_failed(outcome, {"out of memory", "bytes were needed", "free"});
    EXPECT_FALSE(std::filesystem::exists(scratch_.path("run")));
  }
  EXPECT_GT(failures, 10);
  EXPECT_LT(failures, 99);
}

// Any call at all.
TEST_F(GpuFault, EveryCallMayFail) {
  int failures = 0;
  for (int n = 1; n < 4000; n += 1 + n / 4) {
    SCOPED_TRACE(n);
    const Setting setting("SOFTGPU_FAIL", "any:" + std::to_string(n));
    const Outcome outcome = run(gan("run", on("cuda", {"--steps", "6", "--log-every", "2"})));
    EXPECT_EQ(outcome.signal, 0);
    if (outcome.code != 0) {
      ++failures;
      expect_failed(outcome, {});
      if (std::filesystem::exists(scratch_.path("run"))) expect_whole_checkpoint("run");
    }
    std::filesystem::remove_all(scratch_.path("run"));
  }
  EXPECT_GT(failures, 10);
}

// In the middle of a run, seen at the next log point. The kernel is found by repeating the run.
TEST_F(GpuFault, AKernelThatFailsIsNamed) {
  const Setting setting("SOFTGPU_FAIL", "kernel:l1_update_kernel:30");
  const Arguments more = on("cuda", {"--steps", "60", "--log-every", "10"});
  const Outcome outcome = run(gan("run", more));
  expect_failed(outcome, {"cudaErrorIllegalAddress", "by step", "last good checkpoint",
                          "step 15: l1_update_kernel"});
  expect_whole_checkpoint("run");
  const Setting blocking("CUDA_LAUNCH_BLOCKING", "1");
  const Outcome named = run(gan("named", more));
  expect_failed(named, {"step 15: l1_update_kernel", "cudaErrorIllegalAddress"});
  expect_whole_checkpoint("named");
}

}  // namespace
}  // namespace burin::test
