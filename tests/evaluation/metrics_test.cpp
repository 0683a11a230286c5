#include "evaluation/metrics.h"

#include <gtest/gtest.h>

#include "models/config.h"

namespace burin::test {
namespace {

std::vector<std::string> names(const std::vector<std::string>& asked, bool is_vae) {
  std::vector<std::string> found;
  for (const Metric& metric : chosen_metrics(asked, is_vae)) found.push_back(metric.name);
  return found;
}

std::string refusal(const std::vector<std::string>& asked, bool is_vae) {
  try {
    chosen_metrics(asked, is_vae);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(Metrics, AreThoseAskedFor) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(names({}, true), (Names{"elbo", "digits"}));
  EXPECT_EQ(names({}, false), (Names{"digits"}));
  EXPECT_EQ(names({"kid", "nll"}, true), (Names{"kid", "nll"}));
  EXPECT_EQ(names({"all"}, false), (Names{"digits", "fd-mlp", "fd-rand", "kid", "prdc", "parzen"}));
  EXPECT_EQ(names({"all"}, true).size(), all_metrics().size());
}

TEST(Metrics, RefusesInOneLine) {
  for (const char* name : {"elbo", "nll", "kl", "active"}) {
    const std::string line = refusal({name}, false);
    EXPECT_NE(line.find(std::string(name) + " is for a vae"), std::string::npos) << line;
  }
  EXPECT_NE(refusal({"kid", "kid"}, true).find("kid is given twice"), std::string::npos);
  EXPECT_NE(refusal({"all", "kid"}, true).find("all stands alone"), std::string::npos);
  EXPECT_NE(refusal({"fid"}, true).find("fid is not known; expected elbo"), std::string::npos);
  EXPECT_NE(refusal({"fd-lenet"}, true).find("fd-mlp"), std::string::npos);
}

}  // namespace
}  // namespace burin::test
