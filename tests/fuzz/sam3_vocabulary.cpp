// A list of merges, and a prompt after a NUL: ids are the vocabulary's own.
#include "model/sam3/tokenizer.hpp"
#include "tests/fuzz/target.hpp"

namespace samovar::fuzz {

const char* const target_name = "sam3_vocabulary";

namespace {

void look_at(const model::sam3::tokenizer& t, std::string_view prompt) {
  constexpr std::size_t context = 32;
  const auto pieces = t.pieces(prompt);
  require(pieces.ok() == (prompt.size() <= model::sam3::prompt_bytes_max),
          "every prompt has ids that is not too long");
  if (!pieces.ok()) return;
  const auto known = [&](std::int64_t id) { return id >= 0 && id <= t.end_id(); };
  for (const auto id : *pieces) require(known(id), "an id is in the vocabulary");
  const auto ids = t.ids(prompt, context);
  require(ids.ok() && ids->size() == context, "the context is filled");
  require(ids->front() == t.start_id(), "the start comes first");
  std::size_t last = context - 1;
  while (last > 0 && (*ids)[last] == 0) --last;
  require((*ids)[last] == t.end_id(), "the end comes last");
}

}  // namespace

void run_target(std::string_view bytes) {
  const auto nul = bytes.find('\0');
  const auto merges = bytes.substr(0, nul);
  const auto prompt =
      nul == std::string_view::npos ? std::string_view("a cat") : bytes.substr(nul + 1);
  static const auto small = model::sam3::tokenizer::parse("#\nc a\nca t</w>\n' s</w>\n").value();
  look_at(small, prompt);
  if (const auto made = model::sam3::tokenizer::parse(merges); made.ok())
    look_at(*made, prompt);
  else
    require(!made.failure().detail.empty(), "a refusal says why");
}

}  // namespace samovar::fuzz
