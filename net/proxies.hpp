// Whose X-Forwarded-* headers are believed, and what they say. Pure but for Asio's addresses.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/errors.hpp"

namespace samovar::net {

/// Networks of proxies (http.trusted_proxies).
class trusted_proxies {
 public:
  /// "10.0.0.0/8, ::1": addresses and CIDR blocks between commas; empty trusts nobody.
  /// validation_failed names the entry that can't be read.
  static core::outcome<trusted_proxies> parse(std::string_view list);

  bool empty() const noexcept { return blocks_.empty(); }
  bool contains(const boost::asio::ip::address& a) const;
  /// False for text that is no address.
  bool contains(const std::string& address) const;

  /// The address the request came from: going through X-Forwarded-For from the right, the first
  /// one that is not a trusted proxy's. `peer` is who holds the connection; it is the answer when
  /// it isn't trusted itself. An entry that is no address ends the walk at the proxy which wrote
  /// it. Several headers are to be joined with commas, in their order.
  std::string client_of(const std::string& peer, std::string_view forwarded_for) const;

 private:
  struct block {
    boost::asio::ip::address_v6::bytes_type bytes{};  ///< IPv4 in its mapped form
    int bits = 128;
  };
  std::vector<block> blocks_;
};

/// The last of a list's values, which the nearest proxy wrote, without white space.
std::string_view last_value(std::string_view list);
/// True for what may stand in a Host header: a name or an address, and a port.
bool host_ok(std::string_view host);
/// Plain text of an address; IPv4 mapped into IPv6 becomes IPv4.
std::string plain_address(const boost::asio::ip::address& a);
/// What limits count by: an IPv4 address, or the /64 network of an IPv6 address, because a client
/// of IPv6 has all addresses of its network.
std::string limit_key(const std::string& address);

}  // namespace samovar::net
