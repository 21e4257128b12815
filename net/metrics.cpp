#include "net/metrics.hpp"

#include <utility>

#include "net/engine.hpp"

namespace samovar::net {

namespace {

void family(std::string& out, const char* name, const char* type, const char* help) {
  out += std::string("# HELP ") + name + ' ' + help + "\n# TYPE " + name + ' ' + type + '\n';
}

template <class Number>
void single(std::string& out, const char* name, const char* type, const char* help, Number value) {
  family(out, name, type, help);
  out += std::string(name) + ' ' + std::to_string(value) + '\n';
}

std::string seconds(std::uint64_t us) {
  std::string out = std::to_string(us / 1'000'000) + '.';
  const auto fraction = std::to_string(us % 1'000'000);
  return out + std::string(6 - fraction.size(), '0') + fraction;
}

}  // namespace

void metrics::set_routes(std::vector<std::string> labels) {
  labels_ = std::move(labels);
  labels_.emplace_back("other");
  rows_ = std::make_unique<row[]>(labels_.size());
}

void metrics::observe(int index, int status, std::uint64_t us) noexcept {
  if (index < 0 || index > other()) return;
  row& r = rows_[static_cast<std::size_t>(index)];
  const std::size_t status_class = status >= 100 && status < 600 ? status / 100 : 5;
  r.by_class[status_class].fetch_add(1, std::memory_order_relaxed);
  std::size_t b = 0;
  while (b < bounds_us.size() && us > bounds_us[b]) ++b;
  r.buckets[b].fetch_add(1, std::memory_order_relaxed);
  r.sum_us.fetch_add(us, std::memory_order_relaxed);
}

void metrics::write(std::string& out) const {
  family(out, "samovar_http_requests_total", "counter", "Requests answered, by route and class.");
  for (std::size_t i = 0; i < labels_.size(); ++i)
    for (std::size_t c = 1; c < 6; ++c)
      if (const auto n = rows_[i].by_class[c].load(std::memory_order_relaxed); n > 0)
        out += "samovar_http_requests_total{route=\"" + labels_[i] + "\",status=\"" +
               std::to_string(c) + "xx\"} " + std::to_string(n) + '\n';
  const char* const name = "samovar_http_request_duration_seconds";
  family(out, name, "histogram", "Time from a complete request head to the answer.");
  for (std::size_t i = 0; i < labels_.size(); ++i) {
    std::uint64_t count = 0;
    std::string rows;
    const std::string label = std::string("{route=\"") + labels_[i] + "\"";
    for (std::size_t b = 0; b <= bounds_us.size(); ++b) {
      count += rows_[i].buckets[b].load(std::memory_order_relaxed);
      rows += name + ("_bucket" + label) + ",le=\"" +
              (b < bounds_us.size() ? seconds(bounds_us[b]) : "+Inf") + "\"} " +
              std::to_string(count) + '\n';
    }
    if (count == 0) continue;
    out += rows + name + "_sum" + label + "} " + seconds(rows_[i].sum_us.load()) + '\n';
    out += name + ("_count" + label) + "} " + std::to_string(count) + '\n';
  }
  single(out, "samovar_connections", "gauge", "Open TCP connections.", connections.load());
  single(out, "samovar_connections_total", "counter", "Connections accepted.",
         connections_total.load());
  single(out, "samovar_connections_refused_total", "counter", "Connections over a cap.",
         connections_refused.load());
  single(out, "samovar_tls_handshakes_failed_total", "counter", "TLS handshakes that failed.",
         handshakes_failed.load());
  single(out, "samovar_websocket_frames_sent_total", "counter", "WebSocket text frames sent.",
         frames_sent.load());
}

std::string render_metrics(const engine& e) {
  std::string out;
  e.stats.write(out);
  single(out, "samovar_websockets", "gauge", "Open WebSockets.", e.sockets.size());
  single(out, "samovar_pool_queue", "gauge", "Tasks waiting for the worker pool.", e.pool.depth());
  single(out, "samovar_password_queue", "gauge", "Requests waiting for a password to be checked.",
         e.passwords.depth());
  single(out, "samovar_credentials_cached", "gauge", "Verified credentials in memory.",
         e.auth.cached());
  const auto c = e.ports.actors.counters();
  single(out, "samovar_jobs_submitted_total", "counter", "Jobs accepted.", c.jobs_submitted);
  single(out, "samovar_jobs_ended_total", "counter", "Jobs that reached an end.", c.jobs_ended);
  single(out, "samovar_units_done_total", "counter", "Images processed.", c.units_done);
  single(out, "samovar_units_failed_total", "counter", "Images failed.", c.units_failed);
  single(out, "samovar_commits_total", "counter", "Transactions of the job log.", c.commits);
  single(out, "samovar_commands_committed_total", "counter", "Commands in those.",
         c.commands_committed);
  single(out, "samovar_commit_retries_total", "counter", "Commits tried again.", c.commit_retries);
  single(out, "samovar_leases_granted_total", "counter", "Device leases granted.",
         c.leases_granted);
  single(out, "samovar_leases_revoked_total", "counter", "Device leases revoked.",
         c.leases_revoked);
  family(out, "samovar_device_busy_seconds_total", "counter",
         "Time each device computed; its rate is the busy fraction.");
  for (const auto& d : c.devices)
    out += "samovar_device_busy_seconds_total{device=\"" + d.id + "\"} " +
           std::to_string(d.busy_seconds) + '\n';
  family(out, "samovar_device_units_total", "counter", "Units each device has run.");
  for (const auto& d : c.devices)
    out += "samovar_device_units_total{device=\"" + d.id + "\"} " + std::to_string(d.units) + '\n';
  single(out, "samovar_sessions", "gauge", "User sessions alive.", c.sessions_alive);
  return out;
}

}  // namespace samovar::net
