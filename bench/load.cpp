// A small HTTP/1.1 load generator: one thread, raw epoll, requests formatted once.
//
//   samovar_load http HOST PORT --plan FILE [--connections N] [--seconds S] [--warmup S]
//   samovar_load fdatasync FOLDER
//
// A plan has one request a line, tab-separated: METHOD, PATH, AUTHORIZATION, BODY (may be empty).
// Connection i repeats line i mod lines: it sends, waits for the whole answer, sends again (closed
// loop, no pipelining). Prints one line of JSON: rate, latency percentiles in microseconds and the
// number of answers per status. Answers must carry Content-Length; anything else counts as broken.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;

struct options {
  std::string host;
  std::uint16_t port = 0;
  std::string plan;
  int connections = 64;
  double seconds = 3.0;
  double warmup = 0.5;
};

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

/// Reads the plan and renders each line as the bytes of a request.
std::vector<std::string> read_plan(const options& o) {
  std::ifstream in(o.plan);
  if (!in) throw std::runtime_error("cannot read the plan " + o.plan);
  std::vector<std::string> requests;
  for (std::string line; std::getline(in, line);) {
    std::array<std::string, 4> field;
    std::size_t from = 0;
    for (std::size_t i = 0; i < field.size() && from <= line.size(); ++i) {
      const std::size_t to = i + 1 < field.size() ? line.find('\t', from) : std::string::npos;
      field[i] = line.substr(from, to == std::string::npos ? to : to - from);
      from = to == std::string::npos ? line.size() + 1 : to + 1;
    }
    std::string text = field[0] + " " + field[1] + " HTTP/1.1\r\nHost: " + o.host + "\r\n";
    if (!field[2].empty()) text += "Authorization: " + field[2] + "\r\n";
    if (field[0] != "GET") {
      text +=
          "Content-Type: application/json\r\nContent-Length: " + std::to_string(field[3].size()) +
          "\r\n";
    }
    requests.push_back(text + "\r\n" + field[3]);
  }
  if (requests.empty()) throw std::runtime_error("the plan is empty");
  return requests;
}

/// Progress of one answer: header first, then `body_left` bytes.
class answer_reader {
 public:
  enum class state { more, done, broken };

  void reset() {
    header_.clear();
    in_body_ = false;
  }
  int status() const { return status_; }

  state take(std::string_view data) {
    if (!in_body_) {
      const std::size_t had = header_.size();
      header_.append(data);
      const std::size_t end = header_.find("\r\n\r\n", had > 3 ? had - 3 : 0);
      if (end == std::string::npos) return header_.size() > 64 * 1024 ? state::broken : state::more;
      if (!parse_header(end)) return state::broken;
      data = data.substr(end + 4 - had);
      in_body_ = true;
    }
    // Closed loop: bytes beyond the answer would be an answer nobody asked for.
    if (data.size() > body_left_) return state::broken;
    body_left_ -= data.size();
    return body_left_ == 0 ? state::done : state::more;
  }

 private:
  bool parse_header(std::size_t end) {
    if (header_.size() < 12 || header_.compare(0, 7, "HTTP/1.") != 0) return false;
    status_ = std::atoi(header_.c_str() + 9);
    body_left_ = 0;
    if (status_ == 204 || status_ == 304) return true;
    static constexpr std::string_view name = "\r\ncontent-length:";
    for (std::size_t i = 0; i + name.size() < end; ++i) {
      if (strncasecmp(header_.c_str() + i, name.data(), name.size()) == 0) {
        body_left_ = std::strtoull(header_.c_str() + i + name.size(), nullptr, 10);
        return true;
      }
    }
    return false;
  }

  std::string header_;
  bool in_body_ = false;
  int status_ = 0;
  std::size_t body_left_ = 0;
};

struct connection {
  int fd = -1;
  const std::string* request = nullptr;
  std::size_t sent = 0;
  clock_type::time_point since;
  answer_reader reader;
};

class generator {
 public:
  explicit generator(const options& o) : options_(o), requests_(read_plan(o)) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) fail("epoll_create1");
  }
  ~generator() {
    for (auto& c : connections_) {
      if (c.fd >= 0) close(c.fd);
    }
    close(epoll_);
  }
  generator(const generator&) = delete;
  generator& operator=(const generator&) = delete;

  void run() {
    connections_.resize(static_cast<std::size_t>(options_.connections));
    for (std::size_t i = 0; i < connections_.size(); ++i) open(connections_[i], i);
    const auto start = clock_type::now();
    measure_from_ = start + seconds(options_.warmup);
    const auto end = measure_from_ + seconds(options_.seconds);
    for (auto& c : connections_) send_next(c);
    std::array<epoll_event, 256> events{};
    while (clock_type::now() < end && broken_ < connections_.size()) {
      const int n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 100);
      if (n < 0 && errno != EINTR) fail("epoll_wait");
      for (int i = 0; i < n; ++i) handle(*static_cast<connection*>(events[i].data.ptr));
    }
    elapsed_ = std::chrono::duration<double>(clock_type::now() - measure_from_).count();
  }

  void report() {
    std::sort(latencies_us_.begin(), latencies_us_.end());
    const auto at = [&](double q) {
      if (latencies_us_.empty()) return 0.0;
      const auto last = static_cast<double>(latencies_us_.size() - 1);
      return latencies_us_[static_cast<std::size_t>(q * last)];
    };
    std::printf("{\"requests\":%zu,\"seconds\":%.3f,\"per_second\":%.1f,\"broken\":%zu,",
                latencies_us_.size(), elapsed_,
                static_cast<double>(latencies_us_.size()) / elapsed_, broken_);
    std::printf("\"p50_us\":%.0f,\"p90_us\":%.0f,\"p99_us\":%.0f,\"p999_us\":%.0f,\"max_us\":%.0f",
                at(0.5), at(0.9), at(0.99), at(0.999), at(1.0));
    std::printf(",\"status\":{");
    const char* comma = "";
    for (const auto& [status, count] : statuses_) {
      std::printf("%s\"%d\":%zu", comma, status, count);
      comma = ",";
    }
    std::printf("}}\n");
  }

 private:
  static clock_type::duration seconds(double s) {
    return std::chrono::duration_cast<clock_type::duration>(std::chrono::duration<double>(s));
  }

  void open(connection& c, std::size_t index) {
    c.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c.fd < 0) fail("socket");
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(options_.port);
    if (inet_pton(AF_INET, options_.host.c_str(), &to.sin_addr) != 1) {
      throw std::runtime_error("HOST must be an IPv4 address");
    }
    if (connect(c.fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) fail("connect");
    const int on = 1;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (fcntl(c.fd, F_SETFL, O_NONBLOCK) != 0) fail("fcntl");
    c.request = &requests_[index % requests_.size()];
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.ptr = &c;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &e) != 0) fail("epoll_ctl");
  }

  void send_next(connection& c) {
    c.reader.reset();
    c.since = clock_type::now();
    // Requests are far smaller than a socket's buffer: a short write means something is wrong.
    const ssize_t n = send(c.fd, c.request->data(), c.request->size(), MSG_NOSIGNAL);
    if (n != static_cast<ssize_t>(c.request->size())) give_up(c);
  }

  void give_up(connection& c) {
    close(c.fd);
    c.fd = -1;
    ++broken_;
  }

  void handle(connection& c) {
    const ssize_t n = recv(c.fd, buffer_.data(), buffer_.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return give_up(c);
    switch (c.reader.take({buffer_.data(), static_cast<std::size_t>(n)})) {
      case answer_reader::state::more: return;
      case answer_reader::state::broken: return give_up(c);
      case answer_reader::state::done: break;
    }
    const auto now = clock_type::now();
    if (now >= measure_from_) {
      latencies_us_.push_back(std::chrono::duration<double, std::micro>(now - c.since).count());
      ++statuses_[c.reader.status()];
    }
    send_next(c);
  }

  options options_;
  std::vector<std::string> requests_;
  int epoll_ = -1;
  std::vector<connection> connections_;
  std::array<char, 256 * 1024> buffer_{};
  std::vector<double> latencies_us_;
  std::map<int, std::size_t> statuses_;
  std::size_t broken_ = 0;
  clock_type::time_point measure_from_;
  double elapsed_ = 0.0;
};

/// What one durable write costs on this disk: 4 KiB appended and fdatasync, 200 times.
void measure_fdatasync(const std::string& folder) {
  const std::string path = folder + "/fdatasync-probe";
  const int fd = open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) fail("open " + path);
  const std::string block(4096, 'x');
  std::vector<double> us;
  for (int i = 0; i < 200; ++i) {
    const auto from = clock_type::now();
    if (write(fd, block.data(), block.size()) != static_cast<ssize_t>(block.size())) fail("write");
    if (fdatasync(fd) != 0) fail("fdatasync");
    us.push_back(std::chrono::duration<double, std::micro>(clock_type::now() - from).count());
  }
  close(fd);
  unlink(path.c_str());
  std::sort(us.begin(), us.end());
  std::printf("{\"fdatasync_p50_us\":%.0f,\"fdatasync_p99_us\":%.0f}\n", us[100], us[198]);
}

double number(const std::string& text) {
  std::size_t used = 0;
  const double value = std::stod(text, &used);
  if (used != text.size() || value < 0) throw std::runtime_error("not a number: " + text);
  return value;
}

options parse(const std::vector<std::string>& args) {
  options o;
  o.host = args.at(1);
  o.port = static_cast<std::uint16_t>(number(args.at(2)));
  for (std::size_t i = 3; i + 1 < args.size(); i += 2) {
    const std::string& value = args[i + 1];
    if (args[i] == "--plan") {
      o.plan = value;
    } else if (args[i] == "--connections") {
      o.connections = static_cast<int>(number(value));
    } else if (args[i] == "--seconds") {
      o.seconds = number(value);
    } else if (args[i] == "--warmup") {
      o.warmup = number(value);
    } else {
      throw std::runtime_error("unknown option " + args[i]);
    }
  }
  return o;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  try {
    if (args.size() == 2 && args[0] == "fdatasync") {
      measure_fdatasync(args[1]);
    } else if (args.size() >= 5 && args[0] == "http") {
      generator g(parse(args));
      g.run();
      g.report();
    } else {
      std::fprintf(stderr,
                   "usage: samovar_load http HOST PORT --plan FILE [--connections N] [--seconds S] "
                   "[--warmup S]\n       samovar_load fdatasync FOLDER\n");
      return 2;
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "samovar_load: %s\n", e.what());
    return 1;
  }
  return 0;
}
