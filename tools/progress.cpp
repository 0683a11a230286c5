#include "tools/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tools/command.h"

namespace burin::tools {
namespace {

constexpr double kSecondsBetweenFrames = 0.1;
constexpr double kSecondsBetweenLines = 2.0;
constexpr int64_t kBarWidth = 24;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

size_t terminal_columns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

std::string duration_text(double seconds) {
  const int64_t whole = std::llround(seconds);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

}  // namespace

std::string losses_text(const LogPoint& point) {
  std::string text;
  for (const auto& [name, value] : point.losses) {
    text += fmt::format("{}{} {:.4g}", text.empty() ? "" : ", ", name, value);
  }
  return text;
}

std::string zeros_text(const LogPoint& point) {
  std::string text;
  for (const auto& [name, value] : point.zeros) {
    text += fmt::format("{}{} {:.1f} %", text.empty() ? "" : ", ", name, 100 * value);
  }
  return text;
}

ProgressPrinter::ProgressPrinter(Lines lines)
    : terminal_(isatty(STDERR_FILENO) == 1), lines_(lines) {}

void ProgressPrinter::on_step(int64_t step, int64_t total) {
  const double time = now();
  if (first_step_ < 0) {
    first_step_ = step - 1;
    started_ = time;
  }
  if (!terminal_ || time - drawn_ < kSecondsBetweenFrames) return;
  drawn_ = time;
  draw(step, total);
}

double ProgressPrinter::seconds_left(int64_t step, int64_t total) const {
  const double elapsed = now() - started_;
  const int64_t done = step - first_step_;
  if (done <= 0 || elapsed <= 0) return -1;
  return elapsed / static_cast<double>(done) * static_cast<double>(total - step);
}

// "  12 s left", as soon as there is something to judge it by.
std::string ProgressPrinter::left_text(int64_t step, int64_t total) const {
  const double seconds = seconds_left(step, total);
  return seconds < 0 ? "" : "  " + duration_text(seconds) + " left";
}

void ProgressPrinter::on_count(const char* what, int64_t done, int64_t total) {
  if (terminal_) {
    on_step(done, total);
    if (done == total) draw(done, total);
    return;
  }
  const double time = now();
  if (first_step_ < 0) {
    first_step_ = done;
    started_ = drawn_ = time;  // what is done at once needs no line
  }
  if (time - drawn_ < kSecondsBetweenLines) return;
  drawn_ = time;
  if (lines_ == Lines::json) {
    fmt::print(stderr, "{}\n",
               json_line({{"progress", what},
                          {"done", done},
                          {"total", total},
                          {"seconds_left", std::max(0.0, seconds_left(done, total))}}));
    return;
  }
  fmt::print(stderr, "{} {}/{}{}\n", what, done, total, left_text(done, total));
}

void ProgressPrinter::note(const std::string& line) {
  fmt::print(stderr, "{}{}\n", terminal_ ? "\r\x1b[K" : "", line);
  if (terminal_) drawn_ = 0;  // the bar is gone
}

void ProgressPrinter::draw(int64_t step, int64_t total) {
  const int64_t filled = kBarWidth * step / std::max<int64_t>(total, 1);
  std::string bar;
  for (int64_t i = 0; i < kBarWidth; ++i) bar += i < filled ? "█" : "░";
  const std::string rest = fmt::format(" {}/{}", step, total) + left_text(step, total) + summary_;
  const size_t columns = terminal_columns();
  const size_t room = columns > kBarWidth + 2 ? columns - kBarWidth - 2 : 0;
  fmt::print(stderr, "\r{}{}\x1b[K", bar, rest.substr(0, room));
  std::fflush(stderr);
}

void ProgressPrinter::on_log(const LogPoint& point, int64_t total) {
  summary_ = fmt::format("  {:.0f} images/s  {}  zeros: {}", point.images_per_s, losses_text(point),
                         zeros_text(point));
  if (terminal_) {
    draw(point.step, total);
    return;
  }
  const double time = now();
  if (time - drawn_ < kSecondsBetweenLines && point.step < total) return;
  drawn_ = time;
  fmt::print(stderr, "step {}/{}  epoch {:.2f}{}\n", point.step, total, point.epoch, summary_);
}

void ProgressPrinter::finish() {
  if (terminal_) fmt::print(stderr, "\n");
}

}  // namespace burin::tools
