// burin: trains sparse GANs and VAEs, and makes pictures with them. Exit codes: 0 done, 1 failed,
// 2 wrong usage, 130 stopped by Ctrl-C with everything saved.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "models/config.h"
#include "tools/command.h"

namespace burin::tools {

std::string default_data_directory() {
  if (std::filesystem::exists("data/mnist")) return "data/mnist";
  return BURIN_SOURCE_DIR "/data/mnist";
}

std::string flag_of(const std::string& key) {
  std::string flag = "--" + key;
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

}  // namespace burin::tools

int main(int argc, char** argv) {
  CLI::App app("Trains L1-regularised GANs and VAEs: weights become exactly zero while training.",
               "burin");
  app.require_subcommand(1);
  app.set_version_flag("--version", "burin " BURIN_VERSION);
  int status = 0;
  burin::tools::add_train(app, status);
  burin::tools::add_sample(app, status);
  burin::tools::add_info(app, status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    fmt::print(stderr, "burin: {}; see `burin --help`\n", error.what());
    return 2;
  } catch (const burin::UsageError& error) {
    fmt::print(stderr, "burin: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "burin: {}\n", error.what());
    return 1;
  }
  return status;
}
