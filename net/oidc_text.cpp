#include "net/oidc_text.hpp"

#include <curl/curl.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <vector>

#include "net/rate_limit.hpp"
#include "net/text.hpp"

namespace samovar::net {

namespace {

constexpr std::size_t json_depth_max = 64;
constexpr std::size_t return_path_bytes_max = 512;
constexpr std::string_view url_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int sextet(char c) {
  const auto at = url_alphabet.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

struct url_parts {
  std::string scheme, host;
  bool has_user = false, has_fragment = false;
};

std::optional<std::string> part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK || text == nullptr) return std::nullopt;
  std::string out = text;
  curl_free(text);
  return out;
}

std::optional<url_parts> parse_url(const std::string& text) {
  const auto odd = [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u <= 0x20 || u >= 0x7F || c == '\\';
  };
  if (text.size() > 2048 || std::any_of(text.begin(), text.end(), odd)) return std::nullopt;
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), curl_url_cleanup);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK)
    return std::nullopt;
  url_parts p;
  p.scheme = part_of(url.get(), CURLUPART_SCHEME).value_or("");
  p.host = part_of(url.get(), CURLUPART_HOST).value_or("");
  p.has_user = part_of(url.get(), CURLUPART_USER) || part_of(url.get(), CURLUPART_PASSWORD);
  p.has_fragment = part_of(url.get(), CURLUPART_FRAGMENT).has_value();
  if (p.scheme.empty() || p.host.empty()) return std::nullopt;
  return p;
}

/// A name such as 127.0.0.1.example.org is anybody's: only numbers count, and `localhost`.
bool is_this_machine(const std::string& host) {
  if (host.starts_with('[') && host.ends_with(']'))
    return is_loopback(host.substr(1, host.size() - 2));
  const bool numbers = host.find_first_not_of("0123456789.") == std::string::npos;
  return equals_ignoring_case(host, "localhost") || (numbers && is_loopback(host));
}

}  // namespace

std::string base64url(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() * 4 + 2) / 3);
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : bytes) {
    buffer = (buffer << 8 | static_cast<unsigned char>(c)) & 0xFFFF;
    for (bits += 8; bits >= 6; bits -= 6) out.push_back(url_alphabet[buffer >> (bits - 6) & 63]);
  }
  if (bits > 0) out.push_back(url_alphabet[buffer << (6 - bits) & 63]);
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out = base64url(bytes);
  std::replace(out.begin(), out.end(), '-', '+');
  std::replace(out.begin(), out.end(), '_', '/');
  out.append((4 - out.size() % 4) % 4, '=');
  return out;
}

std::optional<std::string> base64url_decode(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(text.size() * 3 / 4);
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const int value = sextet(c);
    if (value < 0) return std::nullopt;
    buffer = (buffer << 6 | static_cast<unsigned>(value)) & 0xFFFF;
    if ((bits += 6) < 8) continue;
    bits -= 8;
    out.push_back(static_cast<char>(buffer >> bits & 0xFF));
  }
  if ((buffer & ((1U << bits) - 1)) != 0) return std::nullopt;
  return out;
}

std::string sha256_of(std::string_view data) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(data.data(), data.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::optional<nlohmann::json> strict_json_object(std::string_view text) {
  using json = nlohmann::json;
  std::vector<std::set<std::string>> open;  // the members so far of each open object
  bool bad = false;
  const auto look = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth > static_cast<int>(json_depth_max)) bad = true;
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end && !open.empty()) open.pop_back();
    if (event == json::parse_event_t::key && !open.empty())
      bad = bad || !open.back().insert(parsed.get<std::string>()).second;
    return true;
  };
  auto document = json::parse(text, look, false);
  if (bad || document.is_discarded() || !document.is_object()) return std::nullopt;
  return document;
}

std::optional<std::string> text_member(const nlohmann::json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_string()) return std::nullopt;
  return it->get<std::string>();
}

void append_parameter(std::string& out, std::string_view name, std::string_view value) {
  static constexpr char digits[] = "0123456789ABCDEF";
  const auto add = [&](std::string_view text) {
    for (const char c : text) {
      const auto u = static_cast<unsigned char>(c);
      if (is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
        out.push_back(c);
      } else {
        out.push_back('%');
        out.push_back(digits[u >> 4]);
        out.push_back(digits[u & 15]);
      }
    }
  };
  if (!out.empty() && out.back() != '?' && out.back() != '&') out.push_back('&');
  add(name);
  out.push_back('=');
  add(value);
}

bool is_safe_endpoint(const std::string& url, bool loopback_http) {
  const auto p = parse_url(url);
  if (!p || p->has_user || p->has_fragment) return false;
  return p->scheme == "https" || (loopback_http && p->scheme == "http" && is_this_machine(p->host));
}

bool is_loopback_http(const std::string& url) {
  const auto p = parse_url(url);
  return p && p->scheme == "http" && is_this_machine(p->host);
}

std::string safe_return_path(std::string_view wanted) {
  const bool local = wanted.starts_with('/') && !wanted.starts_with("//") &&
                     !wanted.starts_with("/api/") && wanted.size() <= return_path_bytes_max;
  if (!local) return "/";
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : wanted) {
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x20 || u == 0x7F || c == '\\') return "/";
    if (u == 0x20 || u > 0x7F || c == '"' || c == '<' || c == '>') {
      out += {'%', digits[u >> 4], digits[u & 15]};
    } else {
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace samovar::net
