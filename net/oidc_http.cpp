#include "net/oidc_http.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "net/oidc_text.hpp"

namespace samovar::net {

namespace {

constexpr std::size_t answer_bytes_max = 256 * 1024;
constexpr auto connect_max = std::chrono::milliseconds(5'000);

struct transfer {
  std::string body;
  bool too_large = false;
  const std::atomic<bool>* stopped = nullptr;
};

std::size_t take_bytes(char* data, std::size_t, std::size_t count, void* user) {
  auto& t = *static_cast<transfer*>(user);
  if (t.body.size() + count > answer_bytes_max) {
    t.too_large = true;
    return 0;  // ends the transfer
  }
  t.body.append(data, count);
  return count;
}

int look_up(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<transfer*>(user)->stopped->load() ? 1 : 0;  // not 0: ends the transfer
}

using easy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using header_list = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

void set_limits(CURL* c, std::chrono::milliseconds timeout, transfer& t) {
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(std::min(timeout, connect_max).count()));
  curl_easy_setopt(c, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_bytes);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &t);
  curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, look_up);
  curl_easy_setopt(c, CURLOPT_XFERINFODATA, &t);
}

std::variant<http_answer, http_failure> read_answer(CURL* c, CURLcode code, transfer& t) {
  if (t.too_large) return http_failure{"the answer is larger than 256 KiB"};
  if (code != CURLE_OK) return http_failure{curl_easy_strerror(code)};
  long status = 0;
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
  if (status >= 300 && status < 400) return http_failure{"the answer is a redirect"};
  return http_answer{static_cast<int>(status), std::move(t.body)};
}

}  // namespace

curl_fetcher::curl_fetcher(std::chrono::milliseconds timeout, std::string ca_file,
                           std::string user_agent)
    : timeout_(timeout), ca_file_(std::move(ca_file)), user_agent_(std::move(user_agent)) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) throw std::runtime_error("libcurl cannot be used");
}

std::variant<http_answer, http_failure> curl_fetcher::fetch(const http_question& q) {
  if (stopped_) return http_failure{"the server is shutting down"};
  const bool loopback = is_loopback_http(q.url);
  if (!is_safe_endpoint(q.url, true)) return http_failure{"the address is not https"};
  const easy handle(curl_easy_init(), curl_easy_cleanup);
  if (!handle) return http_failure{"libcurl has no memory"};
  CURL* c = handle.get();
  transfer t;
  t.stopped = &stopped_;
  set_limits(c, timeout_, t);
  curl_easy_setopt(c, CURLOPT_URL, q.url.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, loopback ? "http" : "https");
  if (loopback) curl_easy_setopt(c, CURLOPT_PROXY, "");
  if (!ca_file_.empty()) curl_easy_setopt(c, CURLOPT_CAINFO, ca_file_.c_str());
  curl_easy_setopt(c, CURLOPT_USERAGENT, user_agent_.c_str());
  curl_slist* lines = curl_slist_append(nullptr, "Accept: application/json");
  for (const auto& [name, value] : q.headers)
    lines = curl_slist_append(lines, (name + ": " + value).c_str());
  const header_list headers(lines, curl_slist_free_all);
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers.get());
  if (!q.form.empty()) {
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, static_cast<long>(q.form.size()));
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, q.form.c_str());
  }
  return read_answer(c, curl_easy_perform(c), t);
}

}  // namespace samovar::net
