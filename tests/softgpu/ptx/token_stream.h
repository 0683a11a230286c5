// Tokens, taken one by one.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "ptx/lexer.h"

namespace burin::softgpu {

class TokenStream {
 public:
  explicit TokenStream(std::string_view text) : tokens_(tokenise(text)) {}

  const Token& peek(size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  const Token& take() { return tokens_[at_ < tokens_.size() - 1 ? at_++ : at_]; }
  bool accept(std::string_view text) {
    if (!peek().is(text)) return false;
    take();
    return true;
  }
  void expect(std::string_view text) {
    if (!accept(text))
      fail("expected '" + std::string(text) + "', got '" + std::string(peek().text) + "'");
  }
  std::string word() {
    if (peek().form != Token::Form::kWord)
      fail("expected a name, got '" + std::string(peek().text) + "'");
    return std::string(take().text);
  }
  uint64_t integer() {
    const bool minus = accept("-");
    if (peek().form != Token::Form::kInteger)
      fail("expected a number, got '" + std::string(peek().text) + "'");
    const uint64_t v = take().integer;
    return minus ? ~v + 1 : v;
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw PtxError("PTX line " + std::to_string(peek().line) + ": " + what);
  }

 protected:
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace burin::softgpu
