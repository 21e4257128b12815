#include "model/sam3/tokenizer.hpp"

#include <unicode/uchar.h>
#include <unicode/utf8.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>

namespace samovar::model::sam3 {
namespace {

constexpr std::size_t file_bytes_max = 64 << 20;
/// The released list is longer than what the network was trained with.
constexpr std::int64_t merges_max = 49152 - 256 - 2;
constexpr std::string_view word_end = "</w>";
constexpr std::string_view start_word = "<start_of_text>", end_word = "<end_of_text>";

core::error wrong(const std::string& why) {
  return core::make_error(core::error_code::malformed_request, "Not a vocabulary: " + why);
}

std::string utf8(UChar32 c) {
  std::array<char, 4> bytes{};
  std::int32_t n = 0;
  U8_APPEND_UNSAFE(bytes.data(), n, c);
  return {bytes.data(), static_cast<std::size_t>(n)};
}

struct alphabet {
  std::array<std::string, 256> of_byte;
  std::vector<int> order;  ///< the bytes as the vocabulary lists them
};

/// Every byte as one printable character: itself where it is one, else from U+0100 on.
const alphabet& printable() {
  static const alphabet all = [] {
    alphabet a;
    const auto shown = [](int b) { return (b >= 33 && b <= 126) || (b >= 161 && b != 173); };
    for (int b = 0; b < 256; ++b)
      if (shown(b)) a.order.push_back(b);
    UChar32 next = 256;
    for (int b = 0; b < 256; ++b) {
      if (!shown(b)) a.order.push_back(b);
      a.of_byte[static_cast<std::size_t>(b)] = utf8(shown(b) ? b : next++);
    }
    return a;
  }();
  return all;
}

enum class kind { space, letter, number, other };
kind kind_of(UChar32 c) {
  if (u_isUWhiteSpace(c)) return kind::space;
  if (u_isalpha(c)) return kind::letter;
  const auto mask = U_GET_GC_MASK(c);
  return mask & U_GC_N_MASK ? kind::number : kind::other;
}

/// Length of the piece at the beginning of `text`, which does not begin with space: the first of
/// the special words, English endings, a run of letters, one number, a run of the rest.
std::size_t piece_length(std::string_view text) {
  for (const auto special : {start_word, end_word})
    if (text.starts_with(special)) return special.size();
  for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
    if (text.starts_with(ending)) return ending.size();
  const auto size = static_cast<std::int32_t>(text.size());
  std::int32_t at = 0;
  UChar32 c = 0;
  U8_NEXT_OR_FFFD(text.data(), at, size, c);
  const kind first = kind_of(c);
  if (first == kind::number) return static_cast<std::size_t>(at);
  while (at < size) {
    std::int32_t next = at;
    U8_NEXT_OR_FFFD(text.data(), next, size, c);
    if (kind_of(c) != first) break;
    at = next;
  }
  return static_cast<std::size_t>(at);
}

}  // namespace

core::outcome<tokenizer> tokenizer::parse(std::string_view merges) {
  tokenizer t;
  const auto& a = printable();
  std::int64_t next = 0;
  for (const auto end : {std::string_view(), word_end})
    for (const int b : a.order)
      t.ids_[a.of_byte[static_cast<std::size_t>(b)] + std::string(end)] = next++;
  std::int64_t rank = 0;
  auto begin = merges.find('\n');  // the first line is a header
  if (begin == std::string_view::npos) return wrong("it has no lines");
  ++begin;
  while (begin < merges.size() && rank < merges_max) {
    const auto end = std::min(merges.find('\n', begin), merges.size());
    auto line = merges.substr(begin, end - begin);
    begin = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const auto space = line.find(' ');
    if (space == 0 || space == std::string_view::npos || space + 1 == line.size() ||
        line.find(' ', space + 1) != std::string_view::npos)
      return wrong("merge " + std::to_string(rank + 1) + " is no pair");
    t.ranks_.emplace(line, rank++);
    t.ids_[std::string(line.substr(0, space)) + std::string(line.substr(space + 1))] = next++;
  }
  if (rank == 0) return wrong("it has no merges");
  t.start_ = next;
  return t;
}

core::outcome<tokenizer> tokenizer::open(const std::filesystem::path& path) {
  const gzFile file = gzopen(path.c_str(), "rb");  // reads plain files too
  if (!file)
    return core::make_error(core::error_code::unavailable,
                            "Cannot read the vocabulary " + path.filename().string());
  std::string text;
  std::array<char, 1 << 16> part{};
  int n = 0;
  while ((n = gzread(file, part.data(), part.size())) > 0 && text.size() <= file_bytes_max)
    text.append(part.data(), static_cast<std::size_t>(n));
  const bool torn = gzclose(file) != Z_OK || n < 0;
  if (torn) return wrong("the file is damaged");
  if (text.size() > file_bytes_max) return wrong("the file is too large");
  return parse(text);
}

void tokenizer::merge_word(std::string_view bytes, std::vector<std::int64_t>& out) const {
  std::vector<std::string> parts;
  for (const char c : bytes) parts.push_back(printable().of_byte[static_cast<unsigned char>(c)]);
  parts.back() += word_end;
  constexpr auto none = std::numeric_limits<std::int64_t>::max();
  while (parts.size() > 1) {
    std::int64_t best = none;
    std::string left, right;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto found = ranks_.find(parts[i] + " " + parts[i + 1]);
      if (found == ranks_.end() || found->second >= best) continue;
      best = found->second;
      left = parts[i];
      right = parts[i + 1];
    }
    if (best == none) break;
    std::vector<std::string> merged;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const bool pair = i + 1 < parts.size() && parts[i] == left && parts[i + 1] == right;
      merged.push_back(pair ? left + right : parts[i]);
      i += pair ? 1 : 0;
    }
    parts = std::move(merged);
  }
  for (const auto& p : parts) out.push_back(ids_.at(p));
}

core::outcome<std::vector<std::int64_t>> tokenizer::pieces(std::string_view text) const {
  if (text.size() > prompt_bytes_max)
    return core::make_error(
        core::error_code::malformed_request,
        "The prompt is longer than " + std::to_string(prompt_bytes_max) + " bytes.");
  const std::string clean = clean_prompt(text);
  std::vector<std::int64_t> out;
  for (std::string_view left = clean; !left.empty();) {
    if (left.front() == ' ') {
      left.remove_prefix(1);
      continue;
    }
    const auto piece = left.substr(0, piece_length(left));
    left.remove_prefix(piece.size());
    if (piece == start_word)
      out.push_back(start_id());
    else if (piece == end_word)
      out.push_back(end_id());
    else
      merge_word(piece, out);
  }
  return out;
}

core::outcome<std::vector<std::int64_t>> tokenizer::ids(std::string_view text,
                                                        std::size_t context) const {
  auto found = pieces(text);
  if (!found) return found;
  auto& out = *found;
  out.insert(out.begin(), start_id());
  out.push_back(end_id());
  const bool cut = out.size() > context;
  out.resize(context, 0);
  if (cut) out.back() = end_id();
  return found;
}

}  // namespace samovar::model::sam3
