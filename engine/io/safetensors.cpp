#include "engine/io/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <new>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "engine/io/error.h"
#include "engine/io/files.h"
#include "engine/io/hash.h"

namespace burin {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

using nlohmann::json;

constexpr const char* kMetadata = "__metadata__";
constexpr const char* kWriter = "writer";
constexpr const char* kBurin = "burin";
constexpr const char* kHash = "content_xxh3_128";
constexpr size_t kPrefix = 8;
constexpr size_t kAlignment = 64;
constexpr uint64_t kHeaderLimit = 100'000'000;  // the reference implementation's
constexpr size_t kDeepest = 3;                  // header, tensor, shape

void add_to(Hash& hash, const std::map<std::string, std::string>& metadata) {
  hash.add(uint64_t{metadata.size() - metadata.count(kHash)});
  for (const auto& [key, value] : metadata) {
    if (key == kHash) continue;
    hash.add(key);
    hash.add(value);
  }
}

void add_to(Hash& hash, const std::string& name, const std::vector<int64_t>& shape,
            const void* data, uint64_t bytes) {
  hash.add(name);
  hash.add(uint64_t{shape.size()});
  for (const int64_t dimension : shape) hash.add(static_cast<uint64_t>(dimension));
  hash.add(data, bytes);
}

// False if the tensor, of floats, would have more bytes than an int64_t can count.
bool count_elements(std::span<const int64_t> shape, uint64_t& size) {
  int64_t bytes = sizeof(float);
  for (const int64_t dimension : shape) {
    if (dimension < 0 || __builtin_mul_overflow(bytes, dimension, &bytes)) return false;
  }
  size = static_cast<uint64_t>(bytes) / sizeof(float);
  return true;
}

const void* data_of(const TensorRef& tensor) {
  return tensor.bytes != nullptr ? static_cast<const void*>(tensor.bytes) : tensor.data;
}

// The header as JSON. The parser would let the last of two equal names win, and would follow nested
// arrays as deep as the file likes; neither is wanted.
json parse_json(const std::string& header, const std::string& name) {
  std::vector<std::set<std::string>> keys;  // of each object that is open; empty for arrays
  const auto watch = [&](int, json::parse_event_t event, json& value) {
    switch (event) {
      case json::parse_event_t::object_start:
      case json::parse_event_t::array_start:
        if (keys.size() == kDeepest) {
          throw Error(fmt::format("{}: its safetensors header is nested more than {} deep", name,
                                  kDeepest));
        }
        keys.emplace_back();
        break;
      case json::parse_event_t::object_end:
      case json::parse_event_t::array_end:
        keys.pop_back();
        break;
      case json::parse_event_t::key:
        if (!keys.back().insert(value.get_ref<const std::string&>()).second) {
          throw Error(fmt::format("{}: its safetensors header has {} twice", name,
                                  in_quotes(value.get_ref<const std::string&>())));
        }
        break;
      case json::parse_event_t::value:
        break;
    }
    return true;
  };
  if (!header.starts_with('{')) {
    throw Error(
        fmt::format("{} is not a safetensors file: its header does not begin with '{{'", name));
  }
  // The parser would take a zero byte for the end.
  if (const size_t zero = header.find('\0'); zero != std::string::npos) {
    throw Error(fmt::format("{}: its safetensors header is not valid JSON, at byte {}", name,
                            kPrefix + zero + 1));
  }
  try {
    return json::parse(header, watch);
  } catch (const json::parse_error& error) {
    throw Error(fmt::format("{}: its safetensors header is not valid JSON, at byte {}", name,
                            kPrefix + error.byte));
  } catch (const json::exception&) {
    throw Error(fmt::format("{}: its safetensors header is not valid JSON", name));
  }
}

// header[key] if it is an array of whole numbers that an int64_t can hold.
bool read_numbers(const json& object, const char* key, std::vector<int64_t>& numbers) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return false;
  for (const json& number : *found) {
    if (!number.is_number_unsigned() || number.get<uint64_t>() > uint64_t{INT64_MAX}) return false;
    numbers.push_back(number.get<int64_t>());
  }
  return true;
}

}  // namespace

void write_safetensors(const std::string& path, const std::vector<TensorRef>& tensors,
                       std::map<std::string, std::string> metadata) {
  const std::string where = "cannot write " + in_quotes(path);
  json header = json::object();
  std::map<std::string, std::pair<const TensorRef*, uint64_t>> by_name;  // with its bytes
  uint64_t offset = 0;
  std::vector<const TensorRef*> in_order;  // floats first: they stay aligned
  for (const TensorRef& tensor : tensors) in_order.push_back(&tensor);
  std::stable_partition(in_order.begin(), in_order.end(),
                        [](const TensorRef* tensor) { return tensor->bytes == nullptr; });
  for (const TensorRef* const each : in_order) {
    const TensorRef& tensor = *each;
    const std::string name = in_quotes(tensor.name);
    uint64_t size = 0;
    if (!count_elements(tensor.shape, size) || size > (uint64_t{INT64_MAX} - offset) / 4) {
      throw Error(fmt::format("{}: tensor {} has the impossible shape [{}]", where, name,
                              fmt::join(tensor.shape, ", ")));
    }
    if (size > 0 && tensor.data == nullptr && tensor.bytes == nullptr) {
      throw Error(fmt::format("{}: tensor {} has no data", where, name));
    }
    const bool floats = tensor.bytes == nullptr;
    const uint64_t bytes = floats ? size * sizeof(float) : size;
    if (tensor.name == kMetadata || !by_name.try_emplace(tensor.name, &tensor, bytes).second) {
      throw Error(fmt::format("{}: the tensor name {} {}", where, name,
                              tensor.name == kMetadata ? "is reserved" : "is there twice"));
    }
    const uint64_t end = offset + bytes;
    header[tensor.name] = {
        {"dtype", floats ? "F32" : "U8"}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }

  // The hash stands before the data, so the data is read twice: first here, then for writing.
  metadata.erase(kHash);
  metadata[kWriter] = kBurin;
  Hash hash;
  add_to(hash, metadata);
  hash.add(uint64_t{by_name.size()});
  for (const auto& [name, tensor] : by_name) {
    add_to(hash, name, tensor.first->shape, data_of(*tensor.first), tensor.second);
  }
  metadata[kHash] = hash.hexadecimal();
  header[kMetadata] = metadata;

  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception&) {
    throw Error(fmt::format("{}: a tensor name or metadata entry is not UTF-8", where));
  }
  text.append((kAlignment - (kPrefix + text.size()) % kAlignment) % kAlignment, ' ');
  if (text.size() > kHeaderLimit) {
    throw Error(fmt::format("{}: names and metadata take {} bytes, expected at most {}", where,
                            text.size(), kHeaderLimit));
  }
  const uint64_t length = text.size();
  AtomicFile file(path);
  file.write(&length, sizeof length);
  file.write(text.data(), text.size());
  for (const TensorRef* const tensor : in_order) {
    file.write(data_of(*tensor), by_name.at(tensor->name).second);
  }
  file.commit();
}

SafetensorsFile SafetensorsFile::load(const std::string& path) {
  InputFile input(path);
  const std::string name = in_quotes(path);
  uint64_t length = 0;
  if (input.size() < kPrefix) {
    throw Error(
        fmt::format("{} is too short for a safetensors file: expected at least {} bytes, "
                    "found {}",
                    name, kPrefix, input.size()));
  }
  input.read(&length, kPrefix);
  if (length > kHeaderLimit) {
    throw Error(
        fmt::format("{} is not a safetensors file: its header would have {} bytes, expected "
                    "at most {}",
                    name, length, kHeaderLimit));
  }
  if (length > input.size() - kPrefix) {
    throw Error(fmt::format("{} is truncated: expected a header of {} bytes, found {}", name,
                            length, input.size() - kPrefix));
  }
  std::string header(length, '\0');
  input.read(header.data(), header.size());

  SafetensorsFile file;
  file.path_ = path;
  const uint64_t data_bytes = input.size() - kPrefix - length;
  file.parse_header(header, data_bytes);
  file.data_ =
      std::make_unique_for_overwrite<float[]>((data_bytes + sizeof(float) - 1) / sizeof(float));
  input.read(file.data_.get(), data_bytes);

  const auto hash = file.metadata_.find(kHash);
  const auto writer = file.metadata_.find(kWriter);
  const bool is_ours = writer != file.metadata_.end() && writer->second == kBurin;
  file.has_content_hash_ = hash != file.metadata_.end();
  if (file.has_content_hash_) {
    file.check_hash(hash->second);
    file.metadata_.erase(hash);
  } else if (is_ours) {
    throw Error(
        fmt::format("{} is damaged: it says that Burin wrote it, but its content hash is "
                    "missing",
                    name));
  }
  if (is_ours) file.metadata_.erase(writer);
  return file;
}

void SafetensorsFile::parse_header(const std::string& header, uint64_t data_bytes) {
  const std::string where = in_quotes(path_);
  const json parsed = parse_json(header, where);
  std::vector<std::pair<std::pair<uint64_t, uint64_t>, std::string>> ranges;
  for (const auto& [name, value] : parsed.items()) {
    if (!value.is_object()) {
      throw Error(
          fmt::format("{}: {} in its safetensors header is not an object", where, in_quotes(name)));
    }
    if (name == kMetadata) {
      for (const auto& [key, text] : value.items()) {
        if (!text.is_string()) {
          throw Error(fmt::format("{}: metadata {} is not a string", where, in_quotes(key)));
        }
        metadata_[key] = text.get<std::string>();
      }
      continue;
    }
    const auto dtype = value.find("dtype");
    if (dtype == value.end() || !dtype->is_string()) {
      throw Error(fmt::format("{}: tensor {} has no valid dtype", where, in_quotes(name)));
    }
    Entry entry;
    entry.floats = dtype->get_ref<const std::string&>() == "F32";
    if (!entry.floats && dtype->get_ref<const std::string&>() != "U8") {
      throw Error(fmt::format("{}: tensor {} is of dtype {}, expected F32 or U8", where,
                              in_quotes(name), in_quotes(dtype->get_ref<const std::string&>())));
    }
    if (!read_numbers(value, "shape", entry.shape) || !count_elements(entry.shape, entry.size)) {
      throw Error(fmt::format("{}: tensor {} has no valid shape", where, in_quotes(name)));
    }
    std::vector<int64_t> offsets;
    if (!read_numbers(value, "data_offsets", offsets) || offsets.size() != 2 ||
        offsets[0] > offsets[1]) {
      throw Error(fmt::format("{}: tensor {} has no valid data_offsets", where, in_quotes(name)));
    }
    const auto begin = static_cast<uint64_t>(offsets[0]), end = static_cast<uint64_t>(offsets[1]);
    if (end > data_bytes) {
      throw Error(
          fmt::format("{} is truncated: tensor {} ends at byte {} of the data, found {} "
                      "bytes",
                      where, in_quotes(name), end, data_bytes));
    }
    if (end - begin != entry.bytes()) {
      throw Error(fmt::format("{}: tensor {} of shape [{}] takes {} bytes, but its offsets say {}",
                              where, in_quotes(name), fmt::join(entry.shape, ", "), entry.bytes(),
                              end - begin));
    }
    entry.begin = begin;
    ranges.push_back({{begin, end}, name});
    tensors_.emplace(name, std::move(entry));
  }
  std::sort(ranges.begin(), ranges.end());
  uint64_t expected = 0;
  for (const auto& [range, name] : ranges) {
    if (range.first != expected) {
      throw Error(
          fmt::format("{}: tensor {} begins at byte {} of the data, expected {}: tensors "
                      "overlap or leave a hole",
                      where, in_quotes(name), range.first, expected));
    }
    if (tensors_.at(name).floats && range.first % sizeof(float) != 0) {
      throw Error(
          fmt::format("{}: tensor {} begins at byte {} of the data, expected a multiple of {}",
                      where, in_quotes(name), range.first, sizeof(float)));
    }
    expected = range.second;
  }
  if (expected != data_bytes) {
    throw Error(fmt::format("{} is too long: expected {} bytes of data, found {}", where, expected,
                            data_bytes));
  }
}

void SafetensorsFile::check_hash(const std::string& expected) const {
  Hash hash;
  add_to(hash, metadata_);
  hash.add(uint64_t{tensors_.size()});
  for (const auto& [name, entry] : tensors_) {
    add_to(hash, name, entry.shape, place(entry), entry.bytes());
  }
  const std::string found = hash.hexadecimal();
  if (found != expected) {
    throw Error(fmt::format("{} is damaged: expected content hash {}, found {}", in_quotes(path_),
                            in_quotes(expected), found));
  }
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> names;
  names.reserve(tensors_.size());
  for (const auto& [name, entry] : tensors_) names.push_back(name);
  return names;
}

const SafetensorsFile::Entry& SafetensorsFile::entry(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    throw Error(fmt::format("{} has no tensor {}", in_quotes(path_), in_quotes(name)));
  }
  return found->second;
}

const std::vector<int64_t>& SafetensorsFile::shape(const std::string& name) const {
  return entry(name).shape;
}

const std::byte* SafetensorsFile::place(const Entry& entry) const {
  return reinterpret_cast<const std::byte*>(data_.get()) + entry.begin;
}

const float* SafetensorsFile::data(const std::string& name) const {
  const Entry& found = entry(name);
  if (!found.floats) {
    throw Error(fmt::format("{}: tensor {} is of dtype U8, expected F32", in_quotes(path_),
                            in_quotes(name)));
  }
  return reinterpret_cast<const float*>(place(found));
}

const uint8_t* SafetensorsFile::bytes(const std::string& name) const {
  const Entry& found = entry(name);
  if (found.floats) {
    throw Error(fmt::format("{}: tensor {} is of dtype F32, expected U8", in_quotes(path_),
                            in_quotes(name)));
  }
  return reinterpret_cast<const uint8_t*>(place(found));
}

int64_t SafetensorsFile::size(const std::string& name) const {
  return static_cast<int64_t>(entry(name).size);
}

}  // namespace burin
