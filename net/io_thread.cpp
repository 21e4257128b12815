#include "net/io_thread.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <ctime>

namespace samovar::net {

namespace {

std::string http_date() {
  static constexpr std::array<const char*, 7> days = {"Sun", "Mon", "Tue", "Wed",
                                                      "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t t = std::time(nullptr);
  std::tm tm{};
  gmtime_r(&t, &tm);
  const auto two = [](int n) {
    return std::string{static_cast<char>('0' + n / 10 % 10), static_cast<char>('0' + n % 10)};
  };
  return std::string(days[static_cast<std::size_t>(tm.tm_wday)]) + ", " + two(tm.tm_mday) + ' ' +
         months[static_cast<std::size_t>(tm.tm_mon)] + ' ' + std::to_string(1900 + tm.tm_year) +
         ' ' + two(tm.tm_hour) + ':' + two(tm.tm_min) + ':' + two(tm.tm_sec) + " GMT";
}

}  // namespace

on_thread::on_thread(io_thread& io) : io_(io) {
  after_ = io.first_;
  if (after_) after_->before_ = this;
  io.first_ = this;
  ++io.count_;
}

on_thread::~on_thread() {
  if (before_) before_->after_ = after_;
  if (after_) after_->before_ = before_;
  if (io_.first_ == this) io_.first_ = after_;
  --io_.count_;
}

io_thread::io_thread(engine& e, std::chrono::milliseconds tick)
    : shared(e), date_(http_date()), tick_(tick) {}

void io_thread::start() {
  wait();
  thread_ = std::thread([this] {
    id_ = std::this_thread::get_id();
    for (;;) {
      try {
        context.run();
        return;
      } catch (const std::exception& e) {  // one connection's bug must not end the others
        spdlog::error("I/O thread carried on after: {}", e.what());
      }
    }
  });
}

void io_thread::stop() {
  context.stop();
  if (thread_.joinable()) thread_.join();
}

void io_thread::wait() {
  timer_.expires_after(tick_);
  timer_.async_wait([this](const boost::system::error_code& ec) {
    if (!ec) on_tick();
  });
}

void io_thread::on_tick() {
  date_ = http_date();
  const auto now = steady::now();
  for_each([&](on_thread& c) { c.tick(now); });
  wait();
}

}  // namespace samovar::net
