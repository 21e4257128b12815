// Words to token ids: the byte-level BPE of CLIP, lower-casing, as SAM 3's text encoder was
// trained with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/errors.hpp"

namespace samovar::model::sam3 {

/// Longer prompts (bytes of UTF-8) are refused: merging is quadratic in a word's length, and the
/// context holds a handful of words.
constexpr std::size_t prompt_bytes_max = 4096;

/// What is left of a prompt before it is split. See text_cleaning.cpp.
std::string clean_prompt(std::string_view utf8);

class tokenizer {
 public:
  /// A list of merges, one pair a line after a header line: `bpe_simple_vocab_16e6.txt.gz`, or the
  /// `merges.txt` of a `vocab.json` (whose ids follow from it); gzip or plain. Errors: unavailable,
  /// malformed_request.
  static core::outcome<tokenizer> open(const std::filesystem::path& merges);
  /// The same from memory.
  static core::outcome<tokenizer> parse(std::string_view merges);

  /// Ids of the text's pieces, without start and end. Errors: malformed_request (too long).
  core::outcome<std::vector<std::int64_t>> pieces(std::string_view text) const;
  /// start, pieces, end, then zeros: exactly `context` ids. What does not fit is cut, the end
  /// stays. context >= 2.
  core::outcome<std::vector<std::int64_t>> ids(std::string_view text, std::size_t context) const;

  std::int64_t start_id() const { return start_; }
  std::int64_t end_id() const { return start_ + 1; }

 private:
  void merge_word(std::string_view bytes, std::vector<std::int64_t>& out) const;

  std::unordered_map<std::string, std::int64_t> ids_;    ///< token -> id
  std::unordered_map<std::string, std::int64_t> ranks_;  ///< "left right" -> order of merging
  std::int64_t start_ = 0;
};

}  // namespace samovar::model::sam3
