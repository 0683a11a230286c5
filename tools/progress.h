// How far a training run is, on standard error.
#pragma once

#include <cstdint>
#include <string>

#include "models/training_run.h"

namespace burin::tools {

// A live bar on a terminal; elsewhere a plain line now and then, or a JSON object a line.
class ProgressPrinter : public RunListener {
 public:
  enum class Lines { plain, json };

  explicit ProgressPrinter(Lines lines = Lines::plain);
  void on_step(int64_t step, int64_t total) override;
  void on_log(const LogPoint& point, int64_t total) override;
  // The same of work that has no log points: `done` of `total`, of which `what` says what is done.
  // As JSON {"progress": what, "done", "total", "seconds_left"}.
  void on_count(const char* what, int64_t done, int64_t total);
  // A line of its own, above the bar on a terminal.
  void note(const std::string& line);
  // What is drawn behind the bar and the time that is left.
  void describe(const std::string& what) { summary_ = "  " + what; }
  // Ends the bar's line.
  void finish();

 private:
  void draw(int64_t step, int64_t total);
  // Of what is to be done, by what was; below 0: nothing to judge by.
  double seconds_left(int64_t step, int64_t total) const;
  std::string left_text(int64_t step, int64_t total) const;

  const bool terminal_;
  const Lines lines_;
  double started_ = 0;
  double drawn_ = 0;
  int64_t first_step_ = -1;
  std::string summary_;  // of the last log point
};

// "generator 0.93, discriminator 1.21" and "generator 12.3 %".
std::string losses_text(const LogPoint& point);
std::string zeros_text(const LogPoint& point);

}  // namespace burin::tools
