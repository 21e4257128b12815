#include "fakes.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "fake_stores.hpp"
#include "net/codec.hpp"

namespace samovar::tests {

std::string fake_secrets::sha256(std::string_view data) const {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(data.data(), data.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

void fake_accounts::add_key(const std::string& secret, core::acting_user a) {
  const std::lock_guard lock(mutex_);
  known_["k" + fake_secrets{}.sha256(secret)] = std::move(a);
}

void fake_accounts::add_session(const std::string& token, core::acting_user a) {
  const std::lock_guard lock(mutex_);
  known_["s" + fake_secrets{}.sha256(token)] = std::move(a);
}

void fake_accounts::remove(const std::string& secret) {
  const std::lock_guard lock(mutex_);
  known_.erase("k" + fake_secrets{}.sha256(secret));
  known_.erase("s" + fake_secrets{}.sha256(secret));
}

std::optional<core::acting_user> fake_accounts::find(const std::string& digest, char kind) {
  ++lookups;
  if (away) throw core::store_unavailable("away");
  const std::lock_guard lock(mutex_);
  const auto it = known_.find(kind + digest);
  if (it == known_.end()) return std::nullopt;
  return it->second;
}

std::optional<core::acting_user> fake_accounts::find_by_api_key(const std::string& digest) {
  return find(digest, 'k');
}
std::optional<core::acting_user> fake_accounts::find_by_web_session(const std::string& digest) {
  return find(digest, 's');
}

bool fake_accounts::rotate_web_session(core::web_session_id, const std::string& presented,
                                       const std::string& fresh) {
  if (away) throw core::store_unavailable("away");
  const std::lock_guard lock(mutex_);
  const auto it = known_.find('s' + presented);
  if (it == known_.end() || !it->second.rotation_due) return false;
  ++rotations;
  it->second.rotation_due = false;
  known_['s' + fresh] = it->second;
  return true;
}

fake_blobs::fake_blobs() {
  std::string name = (std::filesystem::temp_directory_path() / "samovar-spool-XXXXXX").string();
  if (!mkdtemp(name.data())) throw std::runtime_error("mkdtemp");
  folder_ = name;
}
fake_blobs::~fake_blobs() {
  std::error_code ec;
  std::filesystem::remove_all(folder_, ec);
}
std::filesystem::path fake_blobs::new_spool_file() { return folder_ / std::to_string(next_++); }
std::size_t fake_blobs::spool_files() const {
  std::size_t n = 0;
  for ([[maybe_unused]] const auto& f : std::filesystem::directory_iterator(folder_)) ++n;
  return n;
}

core::acting_user make_actor(std::uint8_t number, core::role rights) {
  core::acting_user a;
  a.id.value.bytes[15] = number;
  a.rights = rights;
  return a;
}

core::event_ptr make_event(core::event_type type, std::int64_t seq, std::uint8_t job) {
  auto view = std::make_shared<core::job_view>();
  view->record.id.value.bytes[15] = job;
  view->record.version = seq;
  auto e = std::make_shared<core::event>();
  e->type = type;
  e->seq = seq;
  e->about_job = view->record.id;
  if (type != core::event_type::result_ready) e->job = view;
  return e;
}

world::world(net::engine_limits limits, net::settings settings) {
  ann.via_key = core::api_key_id{};
  ann.via_key->value.bytes[0] = 1;
  accounts.add_key("ann-key", ann);
  core::acting_user browser = make_actor(1);
  browser.via_session = core::web_session_id{};
  browser.csrf_token = "csrf-of-ann";
  accounts.add_session("ann-session", browser);
  accounts.add_key("admin-key", admin);
  core::acting_user reader = make_actor(3);
  reader.read_only = true;
  accounts.add_key("reader-key", reader);
  system = std::make_unique<actors::system>(actors::system_config{}, unused_log());
  settings.port = 0;
  net::services s{settings,
                  *system,
                  secrets,
                  accounts,
                  unused_images(),
                  unused_notes(),
                  unused_jobs(),
                  unused_results(),
                  blobs,
                  unused_codec(),
                  unused_links(),
                  unused_audit(),
                  {},
                  {},
                  {},
                  {}};
  s.now_unix_us = [] { return std::uint64_t{1'764'000'000'000'000}; };
  s.database_ready = [this] { return database_ready.load(); };
  server = std::make_unique<net::server>(std::move(s), limits);
}

world::~world() { server->stop(std::chrono::milliseconds(200)); }

void world::add(net::route r) { server->add_routes({std::move(r)}); }

void world::start() { port = server->start(); }

net::route make_route(std::string method, std::string pattern, net::access who, net::body_kind body,
                      net::where runs, std::function<net::reply(const net::request&)> f) {
  net::route r;
  r.method = std::move(method);
  r.pattern = std::move(pattern);
  r.who = who;
  r.body = body;
  r.runs = runs;
  r.handle = [f = std::move(f)](const std::shared_ptr<const net::request>& q,
                                const net::respond& answer) { answer(f(*q)); };
  return r;
}

std::string answer::header(std::string_view name) const {
  const std::string needle = "\r\n" + std::string(name) + ": ";
  const auto at = head.find(needle);
  if (at == std::string::npos) return {};
  const auto from = at + needle.size();
  return head.substr(from, head.find("\r\n", from) - from);
}

client::client(std::uint16_t port, int receive_buffer) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer > 0)
    setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  timeval limit{10, 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    throw std::runtime_error("connect");
}

client::~client() { ::close(socket_); }

void client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;  // the server hung up; what it said is still to be read
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

bool client::fill() {
  std::array<char, 65536> part{};
  const auto n = ::recv(socket_, part.data(), part.size(), 0);
  if (n <= 0) return false;
  buffer_.append(part.data(), static_cast<std::size_t>(n));
  return true;
}

bool client::need(std::size_t n) {
  while (buffer_.size() < n)
    if (!fill()) return false;
  return true;
}

answer client::read(bool head_only) {
  answer a;
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
    if (!fill()) {
      a.closed = true;
      return a;
    }
  a.head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  a.status = std::stoi(a.head.substr(9, 3));
  if (head_only || a.status < 200 || a.status == 204 || a.status == 304) return a;
  if (a.header("Transfer-Encoding") == "chunked") {
    for (;;) {
      std::size_t eol = 0;
      while ((eol = buffer_.find("\r\n")) == std::string::npos)
        if (!fill()) return a;
      const std::size_t size = std::stoul(buffer_.substr(0, eol), nullptr, 16);
      if (!need(eol + 2 + size + 2)) return a;
      a.body += buffer_.substr(eol + 2, size);
      buffer_.erase(0, eol + 2 + size + 2);
      if (size == 0) return a;
    }
  }
  const auto length = a.header("Content-Length");
  if (length.empty()) {
    while (fill()) {
    }
    a.body.swap(buffer_);
    return a;
  }
  const std::size_t n = std::stoul(length);
  need(n);
  a.body = buffer_.substr(0, n);
  buffer_.erase(0, n);
  return a;
}

bool client::closes() {
  errno = 0;  // stays so at the end of the stream
  while (fill()) {
  }
  return errno != EAGAIN && errno != EWOULDBLOCK;
}

answer client::upgrade(std::string_view target, std::string_view headers) {
  send("GET " + std::string(target) +
       " HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
       std::string(headers) + "\r\n");
  return read();
}

std::pair<int, std::string> client::frame() {
  if (!need(2)) return {-1, {}};
  const int opcode = buffer_[0] & 0x0F;
  std::uint64_t size = buffer_[1] & 0x7F;
  std::size_t at = 2;
  const std::size_t more = size == 126 ? 2 : size == 127 ? 8 : 0;
  if (!need(2 + more)) return {-1, {}};
  if (more) size = 0;
  for (std::size_t i = 0; i < more; ++i)
    size = size << 8 | static_cast<unsigned char>(buffer_[at + i]);
  at += more;
  if (!need(at + size)) return {-1, {}};
  std::string payload = buffer_.substr(at, size);
  buffer_.erase(0, at + size);
  return {opcode, payload};
}

void client::send_frame(int opcode, std::string_view payload) {
  std::string out;
  out.push_back(static_cast<char>(0x80 | opcode));
  if (payload.size() < 126) {
    out.push_back(static_cast<char>(0x80 | payload.size()));
  } else {
    out.push_back(static_cast<char>(0x80 | 126));
    out.push_back(static_cast<char>(payload.size() >> 8));
    out.push_back(static_cast<char>(payload.size()));
  }
  out.append(4, '\0');
  out += payload;
  send(out);
}

std::string get(std::string_view path, std::string_view headers) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n";
}

bool wait_until(const std::function<bool()>& p) {
  for (int i = 0; i < 1000; ++i) {
    if (p()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return p();
}

}  // namespace samovar::tests
