// The only file that sees every room: plugs storage and model into the ports, starts the actors and
// the server, and carries out the other commands.
#include <malloc.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <opencv2/core/utility.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <thread>

#include "actors/system.hpp"
#include "config/command_line.hpp"
#include "core/limits.hpp"
#include "model/classical.hpp"
#include "model/codec.hpp"
#include "model/segment_file.hpp"
#include "model/synthetic.hpp"
#include "model/unit_runner.hpp"
#include "net/handlers/all.hpp"
#include "net/server.hpp"
#include "net/setup_link.hpp"
#include "storage/admin.hpp"
#include "storage/blob_folder.hpp"
#include "storage/database.hpp"
#include "storage/job_log.hpp"
#include "storage/repositories.hpp"
#include "storage/secrets_sodium.hpp"
#include "storage/sweeping_thread.hpp"

namespace {

using namespace samovar;
namespace fs = std::filesystem;

// ---------------------------------------------------------------------------------------- set-up

void set_up_logging(const std::string& level) {
  auto logger = spdlog::stderr_logger_mt("samovar");
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

fs::path find_web_root(const std::string& configured) {
  if (!configured.empty()) return configured;
  std::error_code ignored;
  const auto folder = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const auto& candidate : {folder / "../../web/dist", folder / "../share/samovar/web"})
    if (fs::exists(candidate / "index.html", ignored))
      return fs::weakly_canonical(candidate, ignored);
  return {};
}

bool is_loopback(const std::string& address) {
  return address == "::1" || address.starts_with("127.");
}

storage::database_options database_options_of(const config::settings& s) {
  storage::database_options o;
  o.data_dir = s.data_dir;
  o.url = s.database.url;
  o.owner_url = s.database.owner_url;
  o.pool_size = static_cast<std::size_t>(s.database.pool_size);
  return o;
}

core::timestamp now() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

core::uuid new_uuid(const core::secrets& secrets) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now().time_since_epoch());
  return core::make_uuid_v7(static_cast<std::uint64_t>(ms.count()), secrets.random_u64(),
                            secrets.random_u64());
}

std::unique_ptr<core::segmenter> make_segmenter(const config::settings& s) {
  if (s.model.segmenter == "synthetic")
    return model::make_synthetic_segmenter(static_cast<double>(s.model.synthetic_cost_ms));
  return model::make_classical_segmenter();
}

std::vector<actors::device_spec> make_devices(const config::settings& s, core::blob_store& blobs,
                                              core::image_codec& codec) {
  const auto colon = s.devices.list.find(':');
  const int count = colon == std::string::npos ? 1 : std::stoi(s.devices.list.substr(colon + 1));
  const auto cache_bytes = static_cast<std::size_t>(s.model.cache_mb) * 1024 * 1024;
  const bool needs_pixels = s.model.segmenter != "synthetic";
  std::vector<actors::device_spec> devices;
  for (int i = 0; i < count; ++i)
    devices.push_back({"cpu:" + std::to_string(i), [&blobs, &codec, s, cache_bytes, needs_pixels] {
                         return model::make_unit_runner(make_segmenter(s), blobs, codec,
                                                        cache_bytes, needs_pixels);
                       }});
  return devices;
}

// ------------------------------------------------------------------------------------------ serve

net::settings net_settings_of(const config::settings& s, const core::segmenter& sample) {
  net::settings n;
  n.address = s.http.address;
  n.port = static_cast<std::uint16_t>(s.http.port);
  n.io_threads = static_cast<int>(s.http.io_threads);
  n.pool_threads = static_cast<int>(s.http.pool_threads);
  n.public_url = s.http.public_url;
  n.allow_registration = s.http.allow_registration == "on" ||
                         (s.http.allow_registration == "auto" && is_loopback(s.http.address));
  n.upload_bytes_max = static_cast<std::uint64_t>(s.http.upload_mb_max) * 1024 * 1024;
  n.web_root = find_web_root(s.http.web_root);
  n.version = SAMOVAR_VERSION;
  n.model_name = sample.identity();
  n.abilities = sample.abilities();
  n.header_read_s = static_cast<int>(s.http.header_read_s);
  n.body_idle_s = static_cast<int>(s.http.body_idle_s);
  n.keep_alive_s = static_cast<int>(s.http.keep_alive_s);
  return n;
}

actors::system_config actor_settings_of(const config::settings& s, core::blob_store& blobs,
                                        core::image_codec& codec) {
  actors::system_config c;
  c.devices = make_devices(s, blobs, codec);
  c.threads = static_cast<std::size_t>(s.scheduler.threads);
  c.slots_per_device = static_cast<int>(s.devices.slots);
  c.lease_timeout = std::chrono::seconds(s.scheduler.lease_timeout_s);
  c.session_idle = std::chrono::seconds(s.scheduler.session_idle_s);
  c.persistence_queue_max = core::limits::persistence_queue_max;
  return c;
}

std::string url_of(const config::settings& s, std::uint16_t port) {
  const bool six = s.http.address.find(':') != std::string::npos;
  const bool any = s.http.address == "0.0.0.0" || s.http.address == "::";
  const auto host = any ? "127.0.0.1" : six ? "[" + s.http.address + "]" : s.http.address;
  return "http://" + host + ":" + std::to_string(port);
}

// Before any thread starts, so that every thread inherits it and sigwait alone sees the signals.
// Only the server does this: Ctrl-C ends the other commands at once.
sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

void wait_for_stop_signal(const sigset_t& signals) {
  int received = 0;
  sigwait(&signals, &received);
  spdlog::info("{}: finishing what runs", received == SIGINT ? "SIGINT" : "SIGTERM");
}

// CAF waits for ever for an actor that is stuck in native code: past the grace time the process
// ends by itself. Nothing is lost, since open jobs resume at the next start.
void end_by_force_after(std::chrono::milliseconds limit) {
  std::thread([limit] {
    std::this_thread::sleep_for(limit);
    spdlog::error("shutdown took longer than its grace time; ending by force");
    std::_Exit(config::exit_ok);
  }).detach();
}

int serve(const config::settings& s) {
  const auto signals = block_stop_signals();
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  cv::setNumThreads(1);  // one core per device worker; more workers use more cores
  // Many threads handle large short-lived buffers; without this each keeps its own arena full.
  mallopt(M_ARENA_MAX, 2);
  if (s.model.segmenter == "synthetic")
    spdlog::warn("the synthetic segmenter invents its masks: for tests and benchmarks only");

  auto db = storage::open_database(database_options_of(s));
  storage::sodium_secrets secrets;
  storage::account_repository accounts(*db.connections);
  storage::image_repository images(*db.connections);
  storage::annotation_repository annotations(*db.connections);
  storage::job_repository jobs(*db.connections);
  storage::result_repository results(*db.connections);
  storage::blob_folder blobs(s.data_dir / "blobs");
  storage::postgres_job_log log(db.app_conninfo);
  const auto codec = model::make_image_codec(
      {.file_bytes_max = static_cast<std::uint64_t>(s.http.upload_mb_max) * 1024 * 1024});

  net::setup_link setup(accounts, secrets);
  const auto sample = make_segmenter(s);
  actors::system actor_system(actor_settings_of(s, blobs, *codec), log);
  net::services services{
      net_settings_of(s, *sample),
      actor_system,
      secrets,
      accounts,
      images,
      annotations,
      jobs,
      results,
      blobs,
      *codec,
      [&] { return db.connections->answers(); },
      [&] { return setup.token(); },
      [&] { setup.done(); },
      [] { return static_cast<std::uint64_t>(now().time_since_epoch().count()); }};
  net::server server(services);
  server.add_routes(net::api_routes(server.shared_services(), server.control()));
  const auto port = server.start();
  const storage::sweeping_thread sweeper(*db.connections, blobs);

  std::cout << "listening on " << url_of(s, port) << std::endl;
  if (const auto token = setup.token(); !token.empty())
    std::cout << "create the administrator at " << url_of(s, port) << "/setup?token=" << token
              << std::endl;

  wait_for_stop_signal(signals);
  const auto grace = std::chrono::seconds(s.shutdown.grace_s);
  end_by_force_after(grace + std::chrono::seconds(2));
  actor_system.drain(grace);
  server.stop(std::chrono::milliseconds(500));
  actor_system.shutdown(std::chrono::milliseconds(0));
  return config::exit_ok;
}

// ------------------------------------------------------------------------------------------- user

std::string read_password(bool from_stdin) {
  std::string password;
  if (from_stdin || isatty(STDIN_FILENO) == 0) {
    std::getline(std::cin, password);
    return password;
  }
  std::cerr << "Password: " << std::flush;
  termios shown{};
  tcgetattr(STDIN_FILENO, &shown);
  auto hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  tcsetattr(STDIN_FILENO, TCSANOW, &hidden);
  std::getline(std::cin, password);
  tcsetattr(STDIN_FILENO, TCSANOW, &shown);
  std::cerr << "\n";
  return password;
}

int complain(const std::string& sentence, int exit_code = config::exit_failure) {
  std::cerr << "samovar: " << sentence << "\n";
  return exit_code;
}

void print_users(const std::vector<core::user>& users) {
  for (const auto& u : users)
    std::cout << core::to_string(u.id) << '\t' << u.email << '\t' << core::to_string(u.rights)
              << '\t' << (u.disabled_at ? "disabled" : "active") << '\t' << u.image_count
              << " images\n";
}

int add_user(const config::user_command& c, storage::admin& admin, core::account_store& accounts,
             const core::secrets& secrets) {
  // A user with only an API key needs no password; one can be set later with `user passwd`.
  const bool wants_password = c.password_stdin || !c.api_key;
  const auto password =
      wants_password ? read_password(c.password_stdin) : "none:" + secrets.random_token();
  const auto made = admin.add_user(secrets, c.email, password,
                                   c.admin ? core::role::admin : core::role::user, now());
  if (!made.ok()) return complain(made.failure().detail);
  if (!c.api_key) {
    std::cout << "added " << made->email << "\n";
    return config::exit_ok;
  }
  const auto secret = "smv_" + secrets.random_token();
  core::api_key key;
  key.id = core::api_key_id{new_uuid(secrets)};
  key.owner = made->id;
  key.name = "command line";
  key.prefix = secret.substr(0, 12);
  key.created_at = now();
  if (const auto stored = accounts.create_api_key(key, secrets.sha256(secret)); !stored.ok())
    return complain(stored.failure().detail);
  std::cout << secret << "\n";
  return config::exit_ok;
}

int manage_users(const config::user_command& c) {
  storage::sodium_secrets secrets;
  storage::admin admin(database_options_of(c.options));
  using verb = config::user_command::verb;
  switch (c.what) {
    case verb::list: print_users(admin.list_users()); return config::exit_ok;
    case verb::add: return add_user(c, admin, admin.accounts(), secrets);
    case verb::passwd: {
      const auto set = admin.set_password(secrets, c.email, read_password(c.password_stdin));
      if (!set.ok()) return complain(set.failure().detail);
      std::cout << "password set for " << c.email << "\n";
      return config::exit_ok;
    }
    case verb::disable:
    case verb::enable: {
      const bool disable = c.what == verb::disable;
      const auto set = admin.set_disabled(c.email, disable);
      if (!set.ok()) return complain(set.failure().detail);
      std::cout << (disable ? "disabled " : "enabled ") << c.email << "\n";
      return config::exit_ok;
    }
  }
  return config::exit_failure;
}

// ---------------------------------------------------------------------------------------- segment

int segment(const config::segment_command& c) {
  const auto codec = model::make_image_codec();
  config::settings s;
  s.model.segmenter = c.segmenter;
  const auto segmenter = make_segmenter(s);
  std::vector<core::rle> masks;
  for (const auto& area : c.boxes) {
    const auto found = model::segment_file(c.image, area, *segmenter, *codec);
    if (!found.ok()) return complain(c.image + ": " + found.failure().detail);
    for (const auto& d : *found) {
      std::cout << "score " << d.score << " area " << d.area << " box " << d.bounds.x << ','
                << d.bounds.y << ',' << d.bounds.width << ',' << d.bounds.height << "\n";
      masks.push_back(d.mask);
    }
  }
  if (masks.empty()) return complain(c.image + ": nothing was found");
  const auto all = core::rle_union(masks);
  const auto png = codec->encode_png(core::decode_rle(all), all.width, all.height);
  std::ofstream out(c.out, std::ios::binary);
  out << png;
  out.close();
  if (!out) return complain(c.out + ": the mask can't be written");
  return config::exit_ok;
}

int migrate(const config::settings& s) {
  storage::open_database_beside(database_options_of(s));
  std::cout << "the database is up to date\n";
  return config::exit_ok;
}

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

int carry_out(const config::command& what) {
  if (const auto* c = std::get_if<config::print_command>(&what)) {
    std::cout << c->text;
    return config::exit_ok;
  }
  if (const auto* c = std::get_if<config::segment_command>(&what)) return segment(*c);
  if (const auto* c = std::get_if<config::serve_command>(&what)) {
    set_up_logging(c->options.log.level);
    return serve(c->options);
  }
  set_up_logging("warn");
  if (const auto* c = std::get_if<config::user_command>(&what)) return manage_users(*c);
  return migrate(std::get<config::migrate_command>(what).options);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  std::vector<std::string> variables;
  for (char** v = environ; *v != nullptr; ++v)
    variables.push_back(std::string(*v).substr(0, std::string(*v).find('=')));
  if (const auto known = config::refuse_unknown_variables(variables); !known.ok())
    return complain(known.failure().detail, config::exit_usage);
  const auto what =
      config::parse_command_line({argv + 1, argv + argc}, environment_variable, SAMOVAR_VERSION);
  if (!what.ok()) return complain(what.failure().detail, config::exit_usage);
  try {
    return carry_out(*what);
  } catch (const std::exception& e) {
    return complain(e.what());
  }
}
