#include "app/device_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>
#include <opencv2/core/utility.hpp>
#include <thread>

#include "app/frames.hpp"
#include "app/parts.hpp"
#include "config/declarations.hpp"
#include "model/codec.hpp"
#include "model/unit_runner.hpp"
#include "storage/blob_folder.hpp"
#include "storage/row_json.hpp"

namespace samovar::app {

namespace {

using nlohmann::json;
using outcome = core::unit_result;

constexpr int child_socket = 3;
constexpr auto at_work = "{}";  // the child's frame while a unit runs and makes progress
constexpr auto load_max = std::chrono::minutes(10);  // a large model from a slow disk

// ------------------------------------------------------------------------------- what is said

bool concerns_devices(const config::declaration& d) {
  return d.section == "model" || d.name() == "data_dir" || d.name() == "http.upload_mb_max" ||
         d.name() == "devices.list" || d.name() == "log.level";
}

std::string start_text(const config::settings& s, const std::string& device) {
  json out = json::object();
  for (const auto& d : config::declarations())
    if (concerns_devices(d) && !d.is_secret) out[d.name()] = d.show(s);
  return json{{"device", device}, {"settings", out}}.dump();
}

config::settings read_settings(const json& all) {
  config::settings s;
  for (const auto& [name, value] : all.items()) {
    const auto* d = config::find_declaration(name);
    if (d == nullptr || !d->store(s, value.get<std::string>()).ok())
      throw std::runtime_error("the setting " + name + " did not come through");
  }
  return s;
}

std::string unit_text(const core::unit_request& u) {
  std::string prompts;
  storage::append_prompts(prompts, u.prompts);
  return json{{"user", to_string(u.user)},   {"job", to_string(u.job)},
              {"image", to_string(u.image)}, {"blob_path", u.blob_path},
              {"sha256", u.sha256},          {"mode", std::string(core::to_string(u.mode))},
              {"prompts", prompts}}
      .dump();
}

template <class Id>
Id read_id(const json& text) {
  return Id{core::parse_uuid(text.get<std::string>()).value()};
}

core::unit_request read_unit(const std::string& text) {
  const auto in = json::parse(text);
  core::unit_request u;
  u.user = read_id<core::user_id>(in.at("user"));
  u.job = read_id<core::job_id>(in.at("job"));
  u.image = read_id<core::image_id>(in.at("image"));
  u.blob_path = in.at("blob_path").get<std::string>();
  u.sha256 = in.at("sha256").get<std::string>();
  u.mode = core::parse_segmentation_mode(in.at("mode").get<std::string>()).value();
  u.prompts = storage::read_prompts(in.at("prompts").get<std::string>());
  return u;
}

/// The unit of a {"prepare": …}, else nullptr.
std::shared_ptr<const core::unit_request> unit_ahead(const std::string& text) {
  const auto in = json::parse(text);
  const auto at = in.find("prepare");
  if (at == in.end()) return nullptr;
  return std::make_shared<const core::unit_request>(read_unit(at->get<std::string>()));
}

std::string outcome_text(const outcome& o) {
  if (const auto* f = std::get_if<core::unit_failure>(&o))
    return json{{"reason", f->reason}, {"retryable", f->retryable}, {"device_ms", f->device_ms}}
        .dump();
  const auto& found = std::get<core::unit_output>(o);
  return json{{"detections", storage::detections_text(found.detections)},
              {"model", found.model},
              {"device_ms", found.device_ms}}
      .dump();
}

outcome read_outcome(const std::string& text) {
  const auto in = json::parse(text);
  if (in.contains("reason"))
    return core::unit_failure{in.at("reason").get<std::string>(), in.at("retryable").get<bool>(),
                              in.at("device_ms").get<double>()};
  return core::unit_output{storage::read_detections(in.at("detections").get<std::string>()),
                           in.at("model").get<std::string>(), in.at("device_ms").get<double>()};
}

// --------------------------------------------------------------------------- the server's side

// Everything of the environment but our own settings, which may hold passwords.
std::vector<char*> environment_without_settings() {
  std::vector<char*> out;
  for (char** v = environ; *v != nullptr; ++v)
    if (std::strncmp(*v, "SAMOVAR_", 8) != 0) out.push_back(*v);
  out.push_back(nullptr);
  return out;
}

pid_t spawn_self(int socket) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, 2, 1);
  posix_spawn_file_actions_adddup2(&files, socket, child_socket);
  posix_spawn_file_actions_addclosefrom_np(&files, child_socket + 1);
  posix_spawnattr_t how;
  posix_spawnattr_init(&how);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&how, &none);
  // A Ctrl-C for the server is not for its devices: they finish what the server still wants.
  posix_spawnattr_setpgroup(&how, 0);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  char name[] = "samovar", command[] = "device-process";
  char* const arguments[] = {name, command, nullptr};
  auto environment = environment_without_settings();
  pid_t pid = -1;
  const int failed =
      posix_spawn(&pid, "/proc/self/exe", &files, &how, arguments, environment.data());
  posix_spawnattr_destroy(&how);
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0) throw std::runtime_error("a process for the device could not be started");
  return pid;
}

std::string told(int status) {
  if (WIFSIGNALED(status)) return std::string("signal ") + strsignal(WTERMSIG(status));
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

class process_runner final : public core::unit_runner {
 public:
  process_runner(const config::settings& s, const std::string& device, const process_limits& limits)
      : first_frame_(start_text(s, device)), limits_(limits) {
    start();
  }
  ~process_runner() override { stop(); }
  process_runner(const process_runner&) = delete;
  process_runner& operator=(const process_runner&) = delete;

  std::string identity() const override { return identity_; }

  /// Sent ahead of the unit that runs now, so that the process decodes beside it.
  void prepare(const std::shared_ptr<const core::unit_request>& unit) override {
    if (pid_ >= 0) send_frame(socket_, json{{"prepare", unit_text(*unit)}}.dump());
  }

  outcome run(const core::unit_request& unit, const core::cancel_token& cancel) override {
    try {
      if (pid_ < 0) start();
      if (send_frame(socket_, unit_text(unit))) {
        const auto answer = receive_answer(cancel);
        if (answer.text) return read_outcome(*answer.text);
        if (answer.why == frame_end::late) {
          spdlog::error(
              "device_process {}: no progress for {} ms or no answer for {} s; it is ended", pid_,
              limits_.progress_max.count(), limits_.unit_max.count());
          stop();
          return core::unit_failure{"The device made no progress on this image", true};
        }
      }
    } catch (const std::exception& e) {
      spdlog::error("device_process {}: {}", pid_, e.what());
    }
    stop();
    return core::unit_failure{"The device's process ended while it worked on this image", true};
  }

 private:
  /// The child's progress becomes looks at this side's token.
  frame receive_answer(const core::cancel_token& cancel) {
    const auto end = std::chrono::steady_clock::now() + limits_.unit_max;
    for (;;) {
      auto answer = receive_frame(socket_, limits_.progress_max);
      if (!answer.text || *answer.text != at_work) return answer;
      if (std::chrono::steady_clock::now() > end) return {std::nullopt, frame_end::late};
      cancel.cancelled();
    }
  }

  void start() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw std::runtime_error("no socket for the device's process");
    socket_ = ends[0];
    try {
      pid_ = spawn_self(ends[1]);
    } catch (...) {  // only to close what was opened; the reason goes on
      ::close(ends[0]);
      ::close(ends[1]);
      throw;
    }
    ::close(ends[1]);
    const bool sent = send_frame(socket_, first_frame_);
    const auto hello = sent ? receive_frame(socket_, load_max) : frame{};
    const auto said = hello.text ? json::parse(*hello.text) : json::object();
    if (said.contains("identity")) {
      identity_ = said["identity"].get<std::string>();
      spdlog::info("device_process {} is ready ({})", pid_, identity_);
      return;
    }
    stop();
    throw std::runtime_error(said.value("error", "the device's process ended while it loaded"));
  }

  void stop() {
    if (pid_ < 0) return;
    ::close(socket_);
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
      spdlog::error("device_process {} had ended by itself: {}", pid_, told(status));
    pid_ = -1;
  }

  std::string first_frame_;
  process_limits limits_;
  std::string identity_;
  pid_t pid_ = -1;
  int socket_ = -1;
};

}  // namespace

std::unique_ptr<core::unit_runner> start_device_process(const config::settings& s,
                                                        const std::string& device,
                                                        const process_limits& limits) {
  return std::make_unique<process_runner>(s, device, limits);
}

// ---------------------------------------------------------------------------- the child's side

namespace {

/// While a unit runs, tells the server about once a second that it makes progress, if it does: when
/// `token` was looked at. One thread for the process's life.
class progress_teller {
 public:
  explicit progress_teller(const core::cancel_token& token)
      : token_(token), thread_([this] { tell(); }) {}
  ~progress_teller() {
    change([this] { ended_ = true; });
    thread_.join();
  }
  progress_teller(const progress_teller&) = delete;
  progress_teller& operator=(const progress_teller&) = delete;

  void unit_begins() {
    change([this] { at_work_ = true; });
  }
  /// Nothing is sent any more when this returns: the socket is the caller's.
  void unit_ended() {
    change([this] { at_work_ = false; });
  }

 private:
  template <class F>
  void change(F f) {
    {
      const std::lock_guard hold(guard_);
      f();
    }
    changed_.notify_all();
  }
  void tell() {
    std::unique_lock hold(guard_);
    auto seen = token_.looks();
    while (!ended_) {
      changed_.wait(hold, [this] { return ended_ || at_work_; });
      if (changed_.wait_for(hold, std::chrono::seconds(1), [this] { return ended_ || !at_work_; }))
        continue;
      const auto now = token_.looks();
      if (now != seen) send_frame(child_socket, at_work);
      seen = now;
    }
  }

  const core::cancel_token& token_;
  std::mutex guard_;
  std::condition_variable changed_;
  bool at_work_ = false;
  bool ended_ = false;
  std::thread thread_;  ///< last: it uses the others
};

}  // namespace

int serve_units() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto forever = std::chrono::milliseconds(-1);
  const auto first = receive_frame(child_socket, forever);
  if (!first.text) return config::exit_failure;
  std::unique_ptr<storage::blob_folder> blobs;
  std::unique_ptr<core::image_codec> codec;
  std::unique_ptr<core::unit_runner> runner;
  try {
    const auto start = json::parse(*first.text);
    const auto s = read_settings(start.at("settings"));
    spdlog::set_level(spdlog::level::from_str(s.log.level));
    cv::setNumThreads(1);
    blobs = std::make_unique<storage::blob_folder>(s.data_dir / "blobs",
                                                   storage::blob_folder::leftovers::keep);
    codec = make_codec(s);
    runner = make_runner(s, start.at("device").get<std::string>(), *blobs, *codec);
  } catch (const std::exception& e) {
    send_frame(child_socket, json{{"error", e.what()}}.dump());
    return config::exit_failure;
  }
  if (!send_frame(child_socket, json{{"identity", runner->identity()}}.dump()))
    return config::exit_failure;
  const core::cancel_token never;
  progress_teller teller(never);
  for (;;) {
    const auto unit = receive_frame(child_socket, forever);
    if (!unit.text) return config::exit_ok;
    if (const auto ahead = unit_ahead(*unit.text)) {
      runner->prepare(ahead);
      continue;
    }
    teller.unit_begins();
    const auto found = runner->run(read_unit(*unit.text), never);
    teller.unit_ended();
    if (!send_frame(child_socket, outcome_text(found))) return config::exit_ok;
  }
}

}  // namespace samovar::app
