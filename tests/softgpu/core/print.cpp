#include "core/print.h"

#include <cstdio>
#include <cstring>
#include <string>

#include "core/arena.h"

namespace burin::softgpu {
namespace {

template <class T>
T next(const uint8_t*& at) {
  at = reinterpret_cast<const uint8_t*>((reinterpret_cast<uint64_t>(at) + sizeof(T) - 1) /
                                        sizeof(T) * sizeof(T));
  T v;
  std::memcpy(&v, at, sizeof v);
  at += sizeof v;
  return v;
}

// snprintf of one conversion onto `out`.
template <class... Values>
void append(std::string& out, const std::string& spec, Values... values) {
  char piece[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
  std::snprintf(piece, sizeof piece, spec.c_str(), values...);
#pragma GCC diagnostic pop
  out += piece;
}

}  // namespace

const char* device_string(u64 address) {
  if (!Arena::is_device(address)) return "(not in device memory)";
  return reinterpret_cast<const char*>(Arena::host(address));
}

s32 device_print(Thread*, u64 format, u64 arguments, u32) {
  const auto* at = Arena::is_device(arguments) ? Arena::host(arguments)
                                               : reinterpret_cast<const uint8_t*>(arguments);
  const char* f = device_string(format);
  std::string out;
  s32 count = 0;
  while (*f != '\0') {
    if (*f != '%') {
      out += *f++;
      continue;
    }
    if (f[1] == '%') {
      out += '%';
      f += 2;
      continue;
    }
    std::string spec = "%";
    for (++f; *f != '\0' && std::strchr("-+ #0123456789.*", *f) != nullptr; ++f) {
      if (*f == '*')
        spec += std::to_string(next<s32>(at));
      else
        spec += *f;
    }
    bool wide = false;
    for (; *f != '\0' && std::strchr("hlzjt", *f) != nullptr; ++f) wide |= *f != 'h';
    const char conversion = *f != '\0' ? *f++ : 'd';
    ++count;
    switch (conversion) {
      case 's':
        append(out, spec + 's', device_string(next<u64>(at)));
        break;
      case 'c':
        append(out, spec + 'c', next<s32>(at));
        break;
      case 'p':
        append(out, spec + 'p', reinterpret_cast<void*>(next<u64>(at)));
        break;
      case 'a':
      case 'e':
      case 'f':
      case 'g':
      case 'A':
      case 'E':
      case 'F':
      case 'G':
        append(out, spec + conversion, next<double>(at));
        break;
      default:
        if (wide)
          append(out, spec + 'l' + conversion, next<s64>(at));
        else
          append(out, spec + conversion, next<s32>(at));
    }
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
  return count;
}

}  // namespace burin::softgpu
