// One I/O thread: its io_context, the connections living on it, and the coarse clock that looks at
// their deadlines, so that no request needs a timer of its own.
#pragma once

#include <utility>  // Boost 1.74's awaitable.hpp needs it and does not say so

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

namespace samovar::net {

struct engine;

using io_executor = boost::asio::io_context::executor_type;
using tcp_socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, io_executor>;
using steady = std::chrono::steady_clock;

class io_thread;

/// Something with deadlines that lives on an I/O thread. All calls come on that thread.
class on_thread {
 public:
  explicit on_thread(io_thread& io);
  virtual ~on_thread();
  on_thread(const on_thread&) = delete;
  on_thread& operator=(const on_thread&) = delete;

  virtual void tick(steady::time_point now) = 0;
  /// The server drains: end now if idle, else after the exchange under way.
  virtual void drain() = 0;
  /// End now.
  virtual void abort() = 0;

 protected:
  io_thread& io_;

 private:
  friend class io_thread;
  on_thread* before_ = nullptr;
  on_thread* after_ = nullptr;
};

class io_thread : public std::enable_shared_from_this<io_thread> {
 public:
  io_thread(engine& e, std::chrono::milliseconds tick);
  void start();
  void stop();  ///< stops the loop and joins
  bool here() const noexcept { return std::this_thread::get_id() == id_; }
  /// "Wed, 25 Nov 2026 07:16:49 GMT"
  const std::string& date() const noexcept { return date_; }
  template <class F>
  void for_each(F f) {
    for (on_thread* c = first_; c;) {
      on_thread* next = c->after_;
      f(*c);
      c = next;
    }
  }
  std::size_t count() const noexcept { return count_; }

  engine& shared;

 private:
  friend class on_thread;
  void wait();
  void on_tick();

  on_thread* first_ = nullptr;
  std::size_t count_ = 0;
  std::string date_;
  std::chrono::milliseconds tick_;
  std::thread thread_;
  std::thread::id id_;

 public:
  /// After the list above, which the connections destroyed with it still touch.
  boost::asio::io_context context{1};

 private:
  boost::asio::basic_waitable_timer<steady, boost::asio::wait_traits<steady>, io_executor> timer_{
      context};
};

}  // namespace samovar::net
