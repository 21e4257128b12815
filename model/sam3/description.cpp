#include "model/sam3/description.hpp"

#include <algorithm>
#include <cstdio>

#include "model/sam3/bf16_speed.hpp"

namespace samovar::model::sam3 {
namespace {

constexpr std::size_t sampled_bytes_max = 1024;

core::error named(const std::string& setting, const std::filesystem::path& file,
                  const core::error& e) {
  return core::make_error(e.code, setting + ": " + file.string() + ": " + e.detail, setting);
}

std::filesystem::path vocabulary_of(const segmenter_settings& s) {
  if (!s.vocabulary.empty()) return s.vocabulary;
  std::error_code ignored;
  for (const char* name : {"bpe_simple_vocab_16e6.txt.gz", "merges.txt"}) {
    auto beside = s.checkpoint.parent_path() / name;
    if (std::filesystem::exists(beside, ignored)) return beside;
  }
  return {};
}

/// FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/
class digest {
 public:
  void add(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i) value_ = (value_ ^ bytes[i]) * 0x100000001b3ULL;
  }
  std::string hex() const {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value_));
    return text;
  }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

}  // namespace

core::outcome<checkpoint> open_checkpoint_of(const segmenter_settings& s) {
  auto c = open_checkpoint(s.checkpoint);
  if (!c) return named("model.checkpoint", s.checkpoint, c.failure());
  return c;
}

core::outcome<std::optional<tokenizer>> open_vocabulary_of(const segmenter_settings& s,
                                                           const options& sizes) {
  const auto file = vocabulary_of(s);
  if (file.empty()) return std::optional<tokenizer>();
  auto words = tokenizer::open(file);
  if (!words) return named("model.vocabulary", file, words.failure());
  if (words->end_id() >= sizes.vocabulary)
    return named(
        "model.vocabulary", file,
        core::make_error(core::error_code::malformed_request,
                         "it has " + std::to_string(words->end_id() + 1) +
                             " entries, the checkpoint knows " + std::to_string(sizes.vocabulary)));
  return std::optional<tokenizer>(std::move(*words));
}

core::segmenter_abilities abilities_of(const std::optional<tokenizer>& words) {
  if (words) return {true, true, {}};
  return {false, true,
          "This server has no vocabulary for its SAM 3 model (setting model.vocabulary), so it "
          "can't read text."};
}

std::string compute_type_of(const segmenter_settings& s) {
  if (s.dtype != "auto") return s.dtype;
  if (s.device.starts_with("cuda")) return "bf16";
  return bf16_is_faster() ? "bf16" : "fp32";
}

std::string identity_of(const checkpoint& c, const std::string& compute_type) {
  digest d;
  for (const auto& [name, tensor] : c.tensors) {
    d.add(name.c_str(), name.size() + 1);
    d.add(&tensor.type, sizeof tensor.type);
    d.add(tensor.shape.data(), tensor.shape.size() * sizeof tensor.shape[0]);
    if (tensor.parts.empty()) continue;
    const auto& first = tensor.parts.front();
    d.add(first.data, std::min(first.byte_size, sampled_bytes_max));
    c.file->forget(first);
  }
  return "sam3/1-" + d.hex() + "-" + compute_type;
}

core::outcome<description> describe(const segmenter_settings& s) {
  const auto c = open_checkpoint_of(s);
  if (!c) return c.failure();
  const auto words = open_vocabulary_of(s, c->sizes);
  if (!words) return words.failure();
  description out{identity_of(*c, compute_type_of(s)), abilities_of(*words), {}};
  if (*words && (*words)->end_id() + 1 < c->sizes.vocabulary)
    out.warning = "the vocabulary has " + std::to_string((*words)->end_id() + 1) +
                  " entries and the checkpoint knows " + std::to_string(c->sizes.vocabulary) +
                  ": unless they belong together, texts are misread";
  return out;
}

}  // namespace samovar::model::sam3
