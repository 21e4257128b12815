#include "net/multipart.hpp"

#include <algorithm>
#include <utility>

#include "core/limits.hpp"
#include "net/text.hpp"

namespace samovar::net {

namespace {

/// The value of parameter `name` in "a; name=value; other=\"quoted\"".
std::optional<std::string> parameter(std::string_view header, std::string_view name) {
  std::size_t i = header.find(';');
  while (i != std::string_view::npos && i < header.size()) {
    ++i;
    while (i < header.size() && (header[i] == ' ' || header[i] == '\t')) ++i;
    const auto eq = header.find('=', i);
    if (eq == std::string_view::npos) return std::nullopt;
    const auto key = trim(header.substr(i, eq - i));
    std::string value;
    i = eq + 1;
    if (i < header.size() && header[i] == '"') {
      for (++i; i < header.size() && header[i] != '"'; ++i) {
        // Only \" and \\ are escapes: old browsers send Windows paths unescaped.
        const bool escape = header[i] == '\\' && i + 1 < header.size() &&
                            (header[i + 1] == '"' || header[i + 1] == '\\');
        if (escape) ++i;
        value.push_back(header[i]);
      }
      i = header.find(';', i);
    } else {
      const auto end = header.find(';', i);
      value = trim(header.substr(i, end == std::string_view::npos ? end : end - i));
      i = end;
    }
    if (equals_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

bool boundary_char(char c) {
  return is_alnum(c) || std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
}

}  // namespace

core::outcome<std::string> multipart_boundary(std::string_view content_type) {
  const auto kind = trim(content_type.substr(0, content_type.find(';')));
  if (!equals_ignoring_case(kind, "multipart/form-data"))
    return core::make_error(core::error_code::validation_failed,
                            "The body must be multipart/form-data with a part named \"file\"",
                            "file");
  const auto value = parameter(content_type, "boundary");
  const bool legal = value && !value->empty() && value->size() <= 70 && value->back() != ' ' &&
                     std::all_of(value->begin(), value->end(), boundary_char);
  if (!legal)
    return core::make_error(core::error_code::malformed_request,
                            "The multipart Content-Type has no valid boundary");
  return *value;
}

std::string clean_filename(std::string_view raw) {
  const auto slash = raw.find_last_of("/\\");
  if (slash != std::string_view::npos) raw.remove_prefix(slash + 1);
  std::string out;
  for (std::size_t i = 0; i < raw.size();) {
    const std::size_t n = utf8_length(raw.substr(i));
    const auto c = static_cast<unsigned char>(raw[i]);
    if (n == 0 || c < 0x20 || c == 0x7F) {
      out.push_back('_');
      ++i;
    } else {
      out.append(raw.substr(i, n));
      i += n;
    }
  }
  return out == "." || out == ".." ? std::string("_") : out;
}

multipart_parser::multipart_parser(const std::string& boundary, callbacks calls)
    : calls_(std::move(calls)), delimiter_("\r\n--" + boundary), held_("\r\n") {}

bool multipart_parser::fail(std::string detail) {
  state_ = state::failed;
  error_ = core::make_error(core::error_code::malformed_request, std::move(detail));
  return false;
}

bool multipart_parser::feed(std::string_view bytes) {
  if (state_ == state::failed) return false;
  if (state_ == state::epilogue) return true;
  held_.append(bytes);
  while (step()) {
  }
  held_.erase(0, pos_);
  pos_ = 0;
  return state_ != state::failed;
}

bool multipart_parser::step() {
  switch (state_) {
    case state::preamble: return skip_or_emit(false);
    case state::boundary_line: return boundary_line();
    case state::headers: return headers();
    case state::data: return skip_or_emit(true);
    case state::epilogue: pos_ = held_.size(); return false;
    case state::failed: return false;
  }
  return false;
}

bool multipart_parser::skip_or_emit(bool emit) {
  const std::string_view rest = std::string_view(held_).substr(pos_);
  const auto found = rest.find(delimiter_);
  std::size_t safe = found;
  if (found == std::string_view::npos) {
    // Keep a tail that may be the beginning of the delimiter.
    const std::size_t tail = std::min(rest.size(), delimiter_.size() - 1);
    const auto cr = rest.find('\r', rest.size() - tail);
    safe = cr == std::string_view::npos ? rest.size() : cr;
  }
  if (emit && safe > 0) calls_.data(rest.substr(0, safe));
  pos_ += safe;
  if (found == std::string_view::npos) return false;
  if (emit) calls_.part_end();
  pos_ += delimiter_.size();
  state_ = state::boundary_line;
  return true;
}

bool multipart_parser::boundary_line() {
  const std::string_view rest = std::string_view(held_).substr(pos_);
  if (rest.size() < 2) return false;
  if (rest.starts_with("--")) {
    state_ = state::epilogue;
    return true;
  }
  const auto text = rest.find_first_not_of(" \t");
  if (text == std::string_view::npos || rest.size() < text + 2) {
    if (rest.size() > core::limits::multipart_header_bytes_max)
      return fail("A multipart boundary line is too long");
    return false;
  }
  if (rest.substr(text, 2) != "\r\n") return fail("The multipart body has a malformed boundary");
  pos_ += text;  // at the CRLF, so that an empty header block ends in CRLF CRLF too
  state_ = state::headers;
  return true;
}

bool multipart_parser::headers() {
  const std::string_view rest = std::string_view(held_).substr(pos_);
  const auto end = rest.find("\r\n\r\n");
  const auto size = end == std::string_view::npos ? rest.size() : end;
  if (size > core::limits::multipart_header_bytes_max)
    return fail("The headers of a multipart part are too long");
  if (end == std::string_view::npos) return false;
  if (!parse_headers(rest.substr(0, end))) return false;
  pos_ += end + 4;
  state_ = state::data;
  return true;
}

bool multipart_parser::parse_headers(std::string_view block) {
  part_info info;
  bool disposition = false;
  while (!block.empty()) {
    if (block.starts_with("\r\n")) block.remove_prefix(2);
    const auto end = block.find("\r\n");
    const auto line = block.substr(0, end);
    block.remove_prefix(line.size());
    const auto colon = line.find(':');
    if (colon == std::string_view::npos)
      return line.empty() || fail("A multipart part has a malformed header");
    if (!equals_ignoring_case(trim(line.substr(0, colon)), "content-disposition")) continue;
    const auto value = trim(line.substr(colon + 1));
    if (!equals_ignoring_case(trim(value.substr(0, value.find(';'))), "form-data"))
      return fail("A multipart part is not form-data");
    disposition = true;
    info.name = parameter(value, "name").value_or("");
    auto filename = parameter(value, "filename");
    if (const auto extended = parameter(value, "filename*")) {
      const auto quote = extended->rfind('\'');
      if (quote != std::string::npos && starts_ignoring_case(*extended, "utf-8'"))
        filename = percent_decode(std::string_view(*extended).substr(quote + 1), false);
    }
    info.has_filename = filename.has_value();
    if (filename) info.filename = clean_filename(*filename);
  }
  if (!disposition) return fail("A multipart part has no Content-Disposition");
  calls_.part(info);
  return true;
}

}  // namespace samovar::net
