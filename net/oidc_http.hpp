// One exchange with the provider. Blocks: call it on the pool, never on an I/O thread.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace samovar::net {

struct http_question {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string form;  ///< empty: GET; else POST with this body
};
struct http_answer {
  int status = 0;  ///< never 3xx: a redirect is a failure
  std::string body;
};
/// Why there was no answer: a sentence for the log, without addresses' queries or bodies.
struct http_failure {
  std::string why;
};

class http_fetcher {
 public:
  virtual ~http_fetcher() = default;
  virtual std::variant<http_answer, http_failure> fetch(const http_question& q) = 0;
  /// Ends what is under way within a second, and whatever comes later at once.
  virtual void stop() noexcept {}
};

/// libcurl. Redirects, user names in addresses, anything but https (and http to this machine) and
/// answers over 256 KiB are failures; certificates are checked; cookies and .netrc are not used; a
/// proxy from the environment is, except for this machine.
class curl_fetcher final : public http_fetcher {
 public:
  /// `timeout` bounds the whole exchange, name look-up and handshake included. `ca_file`: PEM, or
  /// empty for the system's.
  curl_fetcher(std::chrono::milliseconds timeout, std::string ca_file, std::string user_agent);
  /// Thread-safe.
  std::variant<http_answer, http_failure> fetch(const http_question& q) override;
  void stop() noexcept override { stopped_ = true; }

 private:
  std::chrono::milliseconds timeout_;
  std::string ca_file_;
  std::string user_agent_;
  std::atomic<bool> stopped_{false};
};

}  // namespace samovar::net
