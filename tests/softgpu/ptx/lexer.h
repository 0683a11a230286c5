// PTX text to tokens.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace burin::softgpu {

struct PtxError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Token {
  enum class Form : uint8_t { kEnd, kWord, kInteger, kFloatBits, kString, kPunctuation };
  Form form = Form::kEnd;
  std::string_view text;     // words keep their leading '.', '%' or '$'
  uint64_t integer = 0;      // value, or bits of a float
  uint32_t float_width = 0;  // 32 or 64
  uint32_t line = 0;
  bool is(std::string_view t) const { return form != Form::kString && text == t; }
};

// Throws PtxError with the line. `text` must outlive the tokens.
std::vector<Token> tokenise(std::string_view text);

}  // namespace burin::softgpu
