// Fake ports, fake actors and a small raw-socket client for the engine's tests.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "actors/system.hpp"
#include "core/ports.hpp"
#include "net/server.hpp"

namespace samovar::tests {

class fake_secrets final : public core::secrets {
 public:
  std::string hash_password(std::string_view p) const override { return std::string(p); }
  bool verify_password(const std::string& h, std::string_view p) const override { return h == p; }
  void waste_verification(std::string_view) const override {}
  std::string random_token() const override { return "token"; }
  std::uint64_t random_u64() const override { return 42; }
  std::string sha256(std::string_view data) const override;
};

/// Credentials by their secret's text; counts the look-ups.
class fake_accounts final : public core::account_store {
 public:
  void add_key(const std::string& secret, core::acting_user a);
  void add_session(const std::string& token, core::acting_user a);
  void remove(const std::string& secret);
  std::atomic<int> lookups{0};
  std::atomic<int> touches{0};
  std::atomic<bool> away{false};

  std::int64_t count_users() override { return 1; }
  core::status create_user(const core::new_user&, const core::change_origin&) override {
    return core::done{};
  }
  core::status create_first_admin(const core::new_user&, const core::change_origin&) override {
    return core::done{};
  }
  std::optional<core::login_record> find_login(const std::string&) override { return {}; }
  std::optional<core::user> find_user(core::user_id) override { return {}; }
  std::vector<core::user> list_users() override { return {}; }
  core::page<core::user> list_users(const core::page_request&) override { return {}; }
  core::status set_display_name(core::user_id, const std::string&,
                                const core::change_origin&) override {
    return core::done{};
  }
  core::outcome<std::vector<core::web_session_id>> set_password_hash(
      core::user_id, const std::string&, std::optional<core::web_session_id>,
      const core::change_origin&) override {
    return std::vector<core::web_session_id>{};
  }
  core::status set_disabled(core::user_id, bool, const core::change_origin&) override {
    return core::done{};
  }
  core::outcome<core::user> change_user(core::user_id, const core::user_changes&,
                                        const core::change_origin&) override {
    return core::user{};
  }
  core::status delete_user(core::user_id, const core::change_origin&) override {
    return core::done{};
  }
  core::status create_api_key(const core::api_key&, const std::string&,
                              const core::change_origin&) override {
    return core::done{};
  }
  std::vector<core::api_key> list_api_keys(core::user_id) override { return {}; }
  core::status delete_api_key(core::user_id, core::api_key_id,
                              const core::change_origin&) override {
    return core::done{};
  }
  std::optional<core::acting_user> find_by_api_key(const std::string& digest) override;
  void touch_api_key(core::api_key_id) override { ++touches; }
  core::status create_web_session(const core::web_session&, const std::string&) override {
    return core::done{};
  }
  std::optional<core::acting_user> find_by_web_session(const std::string& digest) override;
  /// The token presented goes on as "due" no more; the fresh one is admitted as the same session.
  bool rotate_web_session(core::web_session_id id, const std::string& presented,
                          const std::string& fresh) override;
  bool still_admitted(const core::acting_user&) override {
    ++rechecks;
    return admits.load();
  }
  std::vector<core::web_session> list_web_sessions(core::user_id) override { return {}; }
  void delete_web_session(core::user_id, core::web_session_id,
                          const core::change_origin&) override {}
  core::status revoke_web_session(core::user_id, core::web_session_id,
                                  const core::change_origin&) override {
    return core::done{};
  }
  std::vector<core::web_session_id> revoke_other_web_sessions(core::user_id,
                                                              std::optional<core::web_session_id>,
                                                              const core::change_origin&) override {
    return {};
  }
  std::atomic<int> rotations{0};
  std::atomic<int> rechecks{0};
  std::atomic<bool> admits{true};

 private:
  std::optional<core::acting_user> find(const std::string& digest, char kind);
  std::mutex mutex_;
  std::map<std::string, core::acting_user> known_;
};

/// Only the spool is used.
class fake_blobs final : public core::blob_store {
 public:
  fake_blobs();
  ~fake_blobs() override;
  std::size_t spool_files() const;
  std::filesystem::path new_spool_file() override;
  core::status put_file(const std::string&, const std::filesystem::path&) override {
    return core::done{};
  }
  core::status put_bytes(const std::string&, std::string_view) override { return core::done{}; }
  std::optional<std::string> read(const std::string&) override { return {}; }
  std::optional<std::string> read_range(const std::string&, std::uint64_t, std::size_t) override {
    return {};
  }
  std::optional<std::uint64_t> size_of(const std::string&) override { return {}; }
  void remove(const std::string&) override {}
  std::uint64_t free_bytes() override { return 1ULL << 40; }

 private:
  std::filesystem::path folder_;
  std::atomic<int> next_{0};
};

/// The sinks subscribed with the fake actors::system, by user.
std::vector<std::shared_ptr<actors::event_sink>> sinks_of(core::user_id user);

core::acting_user make_actor(std::uint8_t number, core::role rights = core::role::user);
core::event_ptr make_event(core::event_type type, std::int64_t seq, std::uint8_t job);

/// A server over fakes on a free port.
struct world {
  explicit world(net::engine_limits limits = {}, net::settings settings = {});
  ~world();
  void add(net::route r);
  void start();

  std::unique_ptr<actors::system> system;
  fake_secrets secrets;
  fake_accounts accounts;
  fake_blobs blobs;
  std::atomic<bool> database_ready{true};
  std::unique_ptr<net::server> server;
  std::uint16_t port = 0;

  core::acting_user ann = make_actor(1);  ///< key "ann-key", session "ann-session"
  core::acting_user admin = make_actor(2, core::role::admin);  ///< key "admin-key"
};

net::route make_route(std::string method, std::string pattern, net::access who, net::body_kind body,
                      net::where runs, std::function<net::reply(const net::request&)> f);

struct answer {
  int status = 0;
  std::string head;
  std::string body;
  std::string header(std::string_view name) const;  ///< "" when absent
  bool closed = false;                              ///< nothing came: the peer closed
};

/// A blocking client with a receive time limit of 10 s.
class client {
 public:
  explicit client(std::uint16_t port, int receive_buffer = 0);
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;
  void send(std::string_view bytes);
  /// Reads one answer (Content-Length or chunked); `head_only` for HEAD.
  answer read(bool head_only = false);
  answer ask(std::string_view bytes) {
    send(bytes);
    return read();
  }
  /// True when the peer closes within the time limit; what comes before is dropped.
  bool closes();
  /// One unmasked WebSocket frame: opcode and payload; opcode -1 when the peer closed.
  std::pair<int, std::string> frame();
  void send_frame(int opcode, std::string_view payload);  ///< masked with zeroes
  /// Upgrades with the given extra header lines; the answer's status.
  answer upgrade(std::string_view target, std::string_view headers);

 private:
  bool fill();
  bool need(std::size_t n);
  int socket_ = -1;
  std::string buffer_;
};

std::string get(std::string_view path, std::string_view headers = {});

/// True when `p` holds within 10 s.
bool wait_until(const std::function<bool()>& p);

}  // namespace samovar::tests
