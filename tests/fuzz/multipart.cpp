// Multipart bodies: whatever the pieces they arrive in, the outcome is the same.
#include "net/multipart.hpp"
#include "core/limits.hpp"
#include "net/text.hpp"
#include "tests/fuzz/target.hpp"

namespace samovar::fuzz {

const char* const target_name = "multipart";

namespace {

struct outcome {
  std::string events;
  bool finished = false;
  bool failed = false;
  std::string why;
};

outcome parse(const std::string& boundary, std::string_view body, std::size_t piece) {
  outcome out;
  bool open = false;
  bool data_open = false;
  net::multipart_parser parser(
      boundary, {[&](const net::part_info& p) {
                   require(!open, "a part ends before the next one begins");
                   open = true;
                   data_open = false;
                   require(p.filename.size() <= core::limits::multipart_header_bytes_max,
                           "a file name is no longer than its header");
                   out.events +=
                       "part<" + p.name + "|" + p.filename + (p.has_filename ? "|y>" : "|n>");
                 },
                 [&](std::string_view d) {
                   require(open, "data belongs to a part");
                   require(!d.empty(), "data is not empty");
                   data_open = true;
                   out.events += d;
                 },
                 [&] {
                   require(open, "only what began ends");
                   open = false;
                   out.events += "<end>";
                 }});
  while (!body.empty() && !out.failed) {
    const auto n = std::min(piece, body.size());
    // A copy: the parser must not keep views of what it was fed.
    const std::string fed(body.substr(0, n));
    out.failed = !parser.feed(fed);
    body.remove_prefix(n);
  }
  out.finished = parser.finished();
  if (out.failed) out.why = parser.failure().detail;
  require(!(out.failed && out.finished), "a failed body is not finished");
  (void)data_open;
  return out;
}

}  // namespace

void run_target(std::string_view bytes) {
  const std::size_t piece = 1 + take_number(bytes, 1) % 97;
  const auto line = bytes.find('\n');
  if (line == std::string_view::npos) return;
  const auto boundary = net::multipart_boundary(bytes.substr(0, line));
  if (!boundary.ok()) return;
  const auto body = bytes.substr(line + 1);
  const auto whole = parse(*boundary, body, body.size() + 1);
  const auto parts = parse(*boundary, body, piece);
  require(whole.finished == parts.finished, "pieces don't change whether a body is whole");
  require(whole.failed == parts.failed, "pieces don't change whether a body is good");
  if (whole.finished) require(whole.events == parts.events, "pieces don't change what is in it");
}

}  // namespace samovar::fuzz
