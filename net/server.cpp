#include "net/server.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <stdexcept>
#include <utility>

#include "net/engine.hpp"
#include "net/http_session.hpp"
#include "net/io_thread.hpp"
#include "net/websocket_session.hpp"

namespace samovar::net {

namespace {

using boost::asio::ip::tcp;
using acceptor = boost::asio::basic_socket_acceptor<tcp, io_executor>;
using boost::system::error_code;

constexpr auto accept_pause = std::chrono::milliseconds(100);

route websocket_route() {
  route r;
  r.method = "GET";
  r.pattern = websocket_path;
  r.runs = where::inline_;
  r.handle = [](const std::shared_ptr<const request>& q, const respond& answer) {
    answer(error_reply(core::make_error(core::error_code::malformed_request,
                                        "This address speaks WebSocket: an upgrade is expected"),
                       q->request_id));
  };
  return r;
}

}  // namespace

struct server::impl {
  impl(services s, const engine_limits& l) : shared(std::move(s), l) {
    for (auto& r : engine_routes(shared)) shared.routes.add(std::move(r));
    shared.routes.add(websocket_route());
  }

  void listen();
  void accept();
  void on_accept(const error_code& ec, tcp_socket socket, io_thread& io);
  std::size_t connections();
  template <class F>
  void on_every_thread(F f);

  engine shared;
  std::vector<std::shared_ptr<io_thread>> threads;
  std::unique_ptr<acceptor> door;
  std::unique_ptr<
      boost::asio::basic_waitable_timer<steady, boost::asio::wait_traits<steady>, io_executor>>
      pause;
  std::size_t next = 0;
  bool started = false;
  bool stopped = false;
};

void server::impl::listen() {
  const auto& c = shared.ports.config;
  error_code ec;
  const auto address = boost::asio::ip::make_address(c.address, ec);
  if (ec) throw std::runtime_error("\"" + c.address + "\" is not an IP address to listen on");
  const tcp::endpoint endpoint(address, c.port);
  door = std::make_unique<acceptor>(threads.front()->context);
  door->open(endpoint.protocol(), ec);
  if (!ec) door->set_option(acceptor::reuse_address(true), ec);
  if (!ec) door->bind(endpoint, ec);
  if (!ec) door->listen(4096, ec);
  if (ec)
    throw std::runtime_error("cannot listen on " + c.address + " port " + std::to_string(c.port) +
                             ": " + ec.message());
}

/// On the first thread; connections go to the threads in turn.
void server::impl::accept() {
  io_thread& io = *threads[next++ % threads.size()];
  door->async_accept(io.context, [this, &io](const error_code& ec, tcp_socket socket) {
    on_accept(ec, std::move(socket), io);
  });
}

void server::impl::on_accept(const error_code& ec, tcp_socket socket, io_thread& io) {
  if (ec == boost::asio::error::operation_aborted || !door->is_open()) return;
  if (ec) {
    // Out of descriptors or memory: wait for some to come free; the listener lives on.
    spdlog::warn("accepting a connection failed: {}", ec.message());
    pause->expires_after(accept_pause);
    pause->async_wait([this](const error_code& stopped_ec) {
      if (!stopped_ec && door->is_open()) accept();
    });
    return;
  }
  error_code gone;
  const auto peer = socket.remote_endpoint(gone);
  auto slot = gone ? nullptr : connection_slot::enter(shared, plain_address(peer.address()));
  if (slot) {
    auto move_in = [&io, s = std::move(socket), slot = std::move(slot)]() mutable {
      std::make_shared<http_session>(io, std::move(s), std::move(slot))->start();
    };
    boost::asio::dispatch(io.context, std::move(move_in));
  } else if (!gone) {
    shared.stats.connections_refused.fetch_add(1);
  }
  accept();
}

template <class F>
void server::impl::on_every_thread(F f) {
  std::vector<std::future<void>> all;
  for (auto& t : threads) {
    auto done = std::make_shared<std::promise<void>>();
    all.push_back(done->get_future());
    boost::asio::post(t->context, [t = t.get(), f, done] {
      t->for_each(f);
      done->set_value();
    });
  }
  for (auto& d : all) d.wait_for(std::chrono::seconds(2));  // a thread may be in a long handler
}

std::size_t server::impl::connections() {
  return static_cast<std::size_t>(std::max<std::int64_t>(0, shared.stats.connections.load()));
}

server::server(services s, const engine_limits& l)
    : impl_(std::make_unique<impl>(std::move(s), l)) {}

server::~server() { stop(std::chrono::milliseconds(0)); }

services& server::shared_services() { return impl_->shared.ports; }

access_control& server::control() { return impl_->shared; }

void server::add_routes(std::vector<route> routes) {
  for (auto& r : routes) impl_->shared.routes.add(std::move(r));
}

std::uint16_t server::start() {
  auto& m = *impl_;
  std::vector<std::string> labels;
  for (const auto& r : m.shared.routes.routes()) labels.push_back(r.method + ' ' + r.pattern);
  m.shared.stats.set_routes(std::move(labels));
  const int n = std::max(1, m.shared.ports.config.io_threads);
  for (int i = 0; i < n; ++i)
    m.threads.push_back(std::make_shared<io_thread>(m.shared, m.shared.limits.tick));
  m.listen();
  if (m.shared.tls) m.shared.tls->announce();
  m.pause = std::make_unique<
      boost::asio::basic_waitable_timer<steady, boost::asio::wait_traits<steady>, io_executor>>(
      m.threads.front()->context);
  m.started = true;
  m.accept();
  for (auto& t : m.threads) t->start();
  return m.door->local_endpoint().port();
}

void server::renew_certificate(bool asked) {
  if (auto& tls = impl_->shared.tls) tls->renew(asked);
}

void server::stop(std::chrono::milliseconds grace) {
  auto& m = *impl_;
  if (std::exchange(m.stopped, true)) return;
  m.shared.draining = true;
  if (m.started) {
    boost::asio::post(m.threads.front()->context, [&m] {
      error_code ec;
      m.door->close(ec);
      m.pause->cancel();
    });
    m.on_every_thread([](on_thread& c) { c.drain(); });
    const auto end = steady::now() + grace;
    while (m.connections() > 0 && steady::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    m.on_every_thread([](on_thread& c) { c.abort(); });
    for (auto& t : m.threads) t->stop();
    // What a thread could not end in time is ended here, now that it has stopped.
    for (auto& t : m.threads) t->for_each([](on_thread& c) { c.abort(); });
  }
  m.shared.passwords.stop();
  m.shared.pool.stop();
  m.door.reset();
  m.pause.reset();
  m.threads.clear();
}

}  // namespace samovar::net
