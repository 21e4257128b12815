// Counters of the HTTP engine and the Prometheus text they are served as.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace samovar::net {

struct engine;

class metrics {
 public:
  /// Upper bounds of the latency histogram, in microseconds; the last bucket is unbounded.
  static constexpr std::array<std::uint64_t, 11> bounds_us = {
      100, 250, 1'000, 2'500, 10'000, 25'000, 100'000, 250'000, 1'000'000, 5'000'000, 30'000'000};

  /// One row per route ("GET /api/v1/jobs/{id}"); call once, before serving. Row `other()` counts
  /// what matched no route.
  void set_routes(std::vector<std::string> labels);
  const std::string& label(int row) const { return labels_[static_cast<std::size_t>(row)]; }
  int other() const noexcept { return static_cast<int>(labels_.size()) - 1; }
  void observe(int row, int status, std::uint64_t microseconds) noexcept;

  std::atomic<std::int64_t> connections{0};
  std::atomic<std::uint64_t> connections_total{0};
  std::atomic<std::uint64_t> connections_refused{0};
  std::atomic<std::uint64_t> handshakes_failed{0};
  std::atomic<std::uint64_t> frames_sent{0};

  /// Appends this object's families in Prometheus' text format (version 0.0.4).
  void write(std::string& out) const;

 private:
  struct row {
    std::array<std::atomic<std::uint64_t>, 6> by_class{};  ///< index = status / 100
    std::array<std::atomic<std::uint64_t>, bounds_us.size() + 1> buckets{};
    std::atomic<std::uint64_t> sum_us{0};
  };
  std::vector<std::string> labels_;
  std::unique_ptr<row[]> rows_;
};

/// Everything at /metrics.
std::string render_metrics(const engine& e);

}  // namespace samovar::net
