#include "net/proxies.hpp"

#include <algorithm>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>
#include <charconv>
#include <optional>

#include "net/text.hpp"

namespace samovar::net {

namespace {

namespace ip = boost::asio::ip;

constexpr std::size_t blocks_max = 1'000;
constexpr int network_bits_v6 = 64;

ip::address_v6::bytes_type wide(const ip::address& a) {
  return a.is_v6() ? a.to_v6().to_bytes()
                   : ip::make_address_v6(ip::v4_mapped, a.to_v4()).to_bytes();
}

std::optional<ip::address> read_address(std::string_view text) {
  if (text.empty() || text.size() > 64) return std::nullopt;
  boost::system::error_code ec;
  const auto a = ip::make_address(std::string(text), ec);
  if (ec || (a.is_v6() && a.to_v6().scope_id() != 0)) return std::nullopt;
  return a;
}

/// An entry of X-Forwarded-For: "1.2.3.4", "1.2.3.4:5", "::1", "[::1]", "[::1]:5".
std::optional<ip::address> read_entry(std::string_view text) {
  text = trim(text);
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    return read_address(text.substr(1, end - 1));
  }
  if (std::count(text.begin(), text.end(), ':') == 1) text = text.substr(0, text.find(':'));
  return read_address(text);
}

bool within(const ip::address_v6::bytes_type& a, const ip::address_v6::bytes_type& b, int bits) {
  for (std::size_t i = 0; i < a.size() && bits > 0; ++i, bits -= 8) {
    const int shift = bits >= 8 ? 0 : 8 - bits;
    if ((a[i] >> shift) != (b[i] >> shift)) return false;
  }
  return true;
}

}  // namespace

core::outcome<trusted_proxies> trusted_proxies::parse(std::string_view list) {
  trusted_proxies out;
  while (!list.empty()) {
    const auto entry = take_entry(list, ',');
    if (entry.empty()) continue;
    const auto slash = entry.find('/');
    const auto address = read_address(entry.substr(0, slash));
    int bits = address && address->is_v4() ? 32 : 128;
    const int bits_max = bits;
    bool ok = address.has_value() && out.blocks_.size() < blocks_max;
    if (slash != std::string_view::npos) {
      const auto digits = entry.substr(slash + 1);
      const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
      ok = ok && parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size() &&
           bits >= 0 && bits <= bits_max;
    }
    if (!ok)
      return core::make_error(core::error_code::validation_failed,
                              "http.trusted_proxies: \"" + std::string(entry) +
                                  "\" is neither an address nor a CIDR block",
                              "http.trusted_proxies");
    out.blocks_.push_back({wide(*address), address->is_v4() ? bits + 96 : bits});
  }
  return out;
}

bool trusted_proxies::contains(const ip::address& a) const {
  if (blocks_.empty()) return false;
  const auto bytes = wide(a);
  return std::any_of(blocks_.begin(), blocks_.end(),
                     [&](const block& b) { return within(bytes, b.bytes, b.bits); });
}

bool trusted_proxies::contains(const std::string& address) const {
  const auto a = read_address(address);
  return a && contains(*a);
}

std::string trusted_proxies::client_of(const std::string& peer,
                                       std::string_view forwarded_for) const {
  if (!contains(peer)) return peer;
  std::string client = peer;
  while (!forwarded_for.empty()) {
    const auto comma = forwarded_for.rfind(',');
    const bool last = comma == std::string_view::npos;
    const auto a = read_entry(last ? forwarded_for : forwarded_for.substr(comma + 1));
    if (!a) break;
    client = plain_address(*a);
    if (last || !contains(*a)) break;
    forwarded_for = forwarded_for.substr(0, comma);
  }
  return client;
}

std::string_view last_value(std::string_view list) {
  const auto comma = list.rfind(',');
  return trim(comma == std::string_view::npos ? list : list.substr(comma + 1));
}

bool host_ok(std::string_view host) {
  return !host.empty() && host.size() <= 255 && std::all_of(host.begin(), host.end(), [](char c) {
    return is_alnum(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
  });
}

std::string plain_address(const ip::address& a) {
  if (a.is_v6() && a.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, a.to_v6()).to_string();
  return a.to_string();
}

std::string limit_key(const std::string& address) {
  if (address.find(':') == std::string::npos) return address;
  const auto a = read_address(address);
  if (!a || a->is_v4() || a->to_v6().is_v4_mapped()) return a ? plain_address(*a) : address;
  auto bytes = a->to_v6().to_bytes();
  std::fill(bytes.begin() + network_bits_v6 / 8, bytes.end(), static_cast<unsigned char>(0));
  return ip::address_v6(bytes).to_string() + "/64";
}

}  // namespace samovar::net
