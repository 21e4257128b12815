// Stands in for the JSON codec until it is merged.
#include "net/codec.hpp"
#include "net/exchange.hpp"

namespace samovar::net {

std::string job_json(const core::job_view& job) {
  return "{\"id\":\"" + core::to_string(job.record.id) +
         "\",\"version\":" + std::to_string(job.record.version) + "}";
}

reply error_reply(const core::error& e, const std::string& request_id) {
  reply r;
  r.status = core::http_status(e.code);
  r.body = "{\"detail\":\"" + e.detail + "\",\"code\":\"" + std::string(core::to_string(e.code)) +
           "\",\"field\":\"" + e.field + "\",\"request_id\":\"" + request_id + "\"}";
  return r;
}

}  // namespace samovar::net
