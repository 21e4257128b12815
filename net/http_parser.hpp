// Beast's HTTP/1 parser with our callbacks: header fields as views, body bytes into a string.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/limits.hpp"

namespace samovar::net {

inline std::string_view std_view(boost::beast::string_view s) { return {s.data(), s.size()}; }

class http_parser final : public boost::beast::http::basic_parser<true> {
  using field = boost::beast::http::field;
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;

 public:
  struct header {
    boost::beast::http::field id;
    std::string_view name;
    std::string_view value;
  };

  http_parser() {
    header_limit(static_cast<std::uint32_t>(core::limits::header_bytes_max));
    // The session counts, after it decided on 401. (boost::none would refuse every body in 1.74.)
    body_limit(std::numeric_limits<std::uint64_t>::max());
    eager(false);
  }

  /// Views into the buffer given to put(), which must hold the whole head and no folded lines
  /// (Beast unfolds into a buffer of its own that is gone when put() returns).
  std::string_view method;
  std::string_view target;
  std::vector<header> headers;
  std::string* body = nullptr;  ///< where body bytes go; nullptr: dropped
  std::uint64_t body_bytes = 0;
  bool http11 = true;

 private:
  void on_request_impl(boost::beast::http::verb, string_view m, string_view t, int version,
                       error_code&) override {
    method = std_view(m);
    target = std_view(t);
    http11 = version >= 11;
  }
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(field id, string_view name, string_view value, error_code&) override {
    if (!head_done_) headers.push_back({id, std_view(name), std_view(value)});  // no trailers
  }
  void on_header_impl(error_code&) override { head_done_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view data, error_code&) override { return take(data); }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view data, error_code&) override {
    return take(data);
  }
  void on_finish_impl(error_code&) override {}

  std::size_t take(string_view data) {
    body_bytes += data.size();
    if (body) body->append(data.data(), data.size());
    return data.size();
  }

  bool head_done_ = false;
};

}  // namespace samovar::net
