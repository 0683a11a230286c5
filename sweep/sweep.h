// A sweep in its directory: trains and scores the cells of a plan that are not done yet, one after
// another. docs/sweep.md
#pragma once

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/data/image_split.h"
#include "evaluation/scores.h"
#include "sweep/plan.h"

namespace burin {

inline constexpr const char* kScoreFormat = "burin-score-1";

class SweepListener {
 public:
  virtual ~SweepListener() = default;
  // After each step: `done` of `total` steps of all cells. Must be quick.
  virtual void on_step(const SweepCell& cell, int64_t number, int64_t done, int64_t total) = 0;
  // A cell, the `number`th (1, 2, ...), is trained and scored.
  virtual void on_cell(const SweepCell& cell, int64_t number, const nlohmann::json& score) = 0;
  // What the user should know, a line.
  virtual void on_notice(const std::string& line) = 0;
};

class Sweep {
 public:
  // Loads the data, checks everything and creates or opens the directory. Throws Error or
  // UsageError, and has then written nothing. Of the plan, data_hash is not looked at but set, and
  // hold_out is a sixth of the images if neither it nor folds is set.
  // `cache`: of the classifier (cached_classifier).
  Sweep(SweepPlan plan, std::string directory, std::string cache);
  ~Sweep();
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;

  // Goes on until all cells are scored, or until `stop` becomes true: then false, and everything is
  // saved. A cell that diverges is scored as such. To be called once.
  bool run(SweepListener& listener, const std::atomic<bool>& stop);

  const SweepPlan& plan() const { return plan_; }
  const std::vector<SweepCell>& cells() const { return cells_; }
  int64_t scored() const { return static_cast<int64_t>(scores_.size()); }
  // Of the first scored() cells, what score.json holds: docs/formats.md#sweep-directory
  const std::vector<nlohmann::json>& scores() const { return scores_; }

 private:
  class Lock;
  struct Sets {
    ImageSet held_out, train, test;  // to be scored on
    int64_t trained_on = 0;
    int64_t kept_out = 0;
  };
  const SplitIndices& split_of_fold(int64_t fold) const;
  Sets sets_of(const SweepCell& cell) const;
  void check_images() const;
  std::string directory_of(const SweepCell& cell) const;
  int64_t steps_of(const SweepCell& cell) const;
  // Null if it was stopped.
  nlohmann::json run_cell(const SweepCell& cell, int64_t number, SweepListener& listener,
                          const std::atomic<bool>& stop);
  nlohmann::json score_cell(const SweepCell& cell, SweepListener& listener);
  Classifier& classifier(SweepListener& listener);

  SweepPlan plan_;
  const std::string directory_;
  const std::string cache_;
  const std::vector<Score> metrics_;
  const std::vector<SweepCell> cells_;
  ImageSet train_, test_;
  std::vector<SplitIndices> splits_;  // by fold, or one
  std::unique_ptr<Classifier> classifier_;
  std::unique_ptr<Lock> lock_;
  std::vector<nlohmann::json> scores_;
  int64_t steps_done_ = 0;
  int64_t steps_total_ = 0;
};

// The score of a finished cell in a sweep's directory, or null if it has none yet. Throws Error if
// it is damaged or of another cell.
nlohmann::json read_score(const std::string& directory, const SweepCell& cell);

}  // namespace burin
