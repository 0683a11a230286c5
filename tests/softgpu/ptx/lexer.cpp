#include "ptx/lexer.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstdlib>

namespace burin::softgpu {
namespace {

bool starts_word(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || c == '%' || c == '$' ||
         c == '.';
}
bool in_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '.' ||
         c == '%';
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    tokens.reserve(text_.size() / 4);
    while (skip_blank()) tokens.push_back(next());
    tokens.push_back({Token::Form::kEnd, "end of text", 0, 0, line_});
    return tokens;
  }

 private:
  bool skip_blank() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') {
        ++line_, ++at_;
      } else if (std::isspace(static_cast<unsigned char>(c)) || c == '\0') {
        ++at_;
      } else if (text_.substr(at_, 2) == "//") {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.substr(at_, 2) == "/*") {
        const size_t end = std::min(text_.find("*/", at_), text_.size() - 2) + 2;
        for (; at_ < end; ++at_) line_ += text_[at_] == '\n';
      } else {
        return true;
      }
    }
    return false;
  }

  Token take(Token::Form form, size_t length) {
    Token t{form, text_.substr(at_, length), 0, 0, line_};
    at_ += length;
    return t;
  }

  Token next() {
    const char c = text_[at_];
    if (c == '"') {
      const size_t end = text_.find('"', at_ + 1);
      if (end == std::string_view::npos)
        throw PtxError("line " + std::to_string(line_) + ": open string");
      return take(Token::Form::kString, end + 1 - at_);
    }
    if (std::isdigit(static_cast<unsigned char>(c))) return number();
    if (starts_word(c)) {
      size_t end = at_ + 1;
      while (end < text_.size() &&
             (in_word(text_[end]) || (text_.substr(end, 2) == "::" && end + 2 < text_.size() &&
                                      std::isalpha(static_cast<unsigned char>(text_[end + 2]))))) {
        end += text_[end] == ':' ? 2 : 1;
      }
      // Directives may stand without a blank between: .reg.b32 x;
      if (c == '.') end = std::min(end, text_.find('.', at_ + 1));
      return take(Token::Form::kWord, end - at_);
    }
    return take(Token::Form::kPunctuation, 1);
  }

  Token number() {
    const std::string_view rest = text_.substr(at_, 2);
    if (rest == "0f" || rest == "0F" || rest == "0d" || rest == "0D") {
      const size_t digits = rest[1] == 'f' || rest[1] == 'F' ? 8 : 16;
      Token t = take(Token::Form::kFloatBits, 2 + digits);
      t.integer = std::strtoull(std::string(t.text.substr(2)).c_str(), nullptr, 16);
      t.float_width = digits == 8 ? 32 : 64;
      return t;
    }
    size_t end = at_;
    bool real = false;
    const bool hex = rest == "0x" || rest == "0X";
    while (end < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[end])) ||
                                  (!hex && text_[end] == '.' && end + 1 < text_.size() &&
                                   std::isdigit(static_cast<unsigned char>(text_[end + 1]))))) {
      real |= text_[end] == '.';
      ++end;
    }
    Token t = take(real ? Token::Form::kFloatBits : Token::Form::kInteger, end - at_);
    std::string digits(t.text);
    if (real) {
      t.integer = std::bit_cast<uint64_t>(std::strtod(digits.c_str(), nullptr));
      t.float_width = 64;
      return t;
    }
    while (!digits.empty() && (digits.back() == 'U' || digits.back() == 'u')) digits.pop_back();
    const bool binary = rest == "0b" || rest == "0B";
    char* stop = nullptr;
    t.integer = std::strtoull(digits.c_str() + (binary ? 2 : 0), &stop, binary ? 2 : 0);
    if (*stop != '\0') throw PtxError("line " + std::to_string(line_) + ": bad number " + digits);
    return t;
  }

  std::string_view text_;
  size_t at_ = 0;
  uint32_t line_ = 1;
};

}  // namespace

std::vector<Token> tokenise(std::string_view text) {
  return Lexer(text).run();
}

}  // namespace burin::softgpu
