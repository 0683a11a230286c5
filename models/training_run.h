// A training run: data, model, and the run directory that it fills. docs/formats.md#run-directory
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/backend/thread_tuner.h"
#include "engine/data/device_images.h"
#include "engine/io/files.h"
#include "models/checkpoint.h"
#include "models/model.h"

namespace burin {

// What is known at a log point; also the line in metrics.jsonl.
struct LogPoint {
  int64_t step = 0;
  double epoch = 0;
  double seconds = 0;       // of training, evaluation and files not counted
  double images_per_s = 0;  // since the last log point
  double learning_rate = 0;
  std::map<std::string, double> losses;
  std::map<std::string, double> l1;             // sum |w| by network
  std::map<std::string, double> lambda;         // by network, of the next step
  std::map<std::string, double> zeros;          // fraction of exact zeros by network
  std::map<std::string, double> layer_zeros;    // and by layer
  std::map<std::string, double> gradient_norm;  // by network
};

class RunListener {
 public:
  virtual ~RunListener() = default;
  virtual void on_step(int64_t step, int64_t total) = 0;  // after each step; must be quick
  virtual void on_log(const LogPoint& point, int64_t total) = 0;
};

struct RunOptions {
  std::string out;         // empty: runs/PRESET, or runs/PRESET-2 ...
  bool resume = false;     // go on from out's checkpoint
  bool overwrite = false;  // start anew in a directory that was used
};

class TrainingRun {
 public:
  // Loads the data, checks everything and creates or opens the run directory. Throws Error or
  // UsageError and leaves nothing behind.
  TrainingRun(const Config& config, const RunOptions& options);

  struct Result {
    int64_t steps = 0;
    double epochs = 0;
    double seconds = 0;
    double images_per_s = 0;  // over this session's training
    LogPoint last;
    bool interrupted = false;
    std::string out;
  };
  // Trains to the end, or until `stop` becomes true; the run is then saved and can be resumed.
  // Throws TrainingDiverged; the last checkpoint is then the last good one.
  Result train(RunListener& listener, const std::atomic<bool>& stop);

  const std::string& out() const { return out_; }
  // Where it trains, for the user: "the CPU", or the GPU's name and the memory that it will take.
  const std::string& where() const { return where_; }
  int64_t total_steps() const { return total_steps_; }
  // All steps are done, or early_stop says so.
  bool finished() const { return model_->step() >= total_steps_ || waited_in_vain(); }
  bool waited_in_vain() const;
  const Progress& progress() const { return progress_; }
  Model& model() { return *model_; }

 private:
  Device choose_device();
  void open_directory(const RunOptions& options);
  LogPoint measure(bool evaluate);
  void log(RunListener& listener, bool evaluate);
  void judge();
  void checkpoint();
  void pictures();

  Config config_;
  std::string out_;
  std::string where_ = "the CPU";
  Progress progress_;
  int64_t total_steps_ = 0;
  std::unique_ptr<DeviceImages> train_;
  std::unique_ptr<DeviceImages> test_;      // VAE only
  std::unique_ptr<DeviceImages> held_out_;  // with early_stop
  std::unique_ptr<Model> model_;
  std::optional<LineWriter> metrics_;
  double session_seconds_ = 0;
  int64_t session_steps_ = 0;
  double seconds_at_log_ = 0;
  int64_t step_at_log_ = 0;
  std::optional<double> judged_;  // the ELBO of held_out_ at this step
  LogPoint last_;
};

}  // namespace burin
