// samovar serve: opens the database, starts the actors and the server, waits for a signal, drains.
#include <malloc.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <opencv2/core/utility.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <thread>

#include "actors/system.hpp"
#include "app/commands.hpp"
#include "app/device_process.hpp"
#include "app/oidc.hpp"
#include "app/parts.hpp"
#include "app/process.hpp"
#include "config/devices.hpp"
#include "core/limits.hpp"
#include "model/idle_runner.hpp"
#include "model/sam3/blas_kernels.hpp"
#include "net/account_changes.hpp"
#include "net/check_settings.hpp"
#include "net/handlers/all.hpp"
#include "net/handlers/oidc.hpp"
#include "net/server.hpp"
#include "net/setup_link.hpp"
#include "storage/account_watch.hpp"
#include "storage/blob_folder.hpp"
#include "storage/identity_repository.hpp"
#include "storage/job_log.hpp"
#include "storage/links.hpp"
#include "storage/repositories.hpp"
#include "storage/secrets_sodium.hpp"
#include "storage/sweeping_thread.hpp"
#include "storage/unit_journal_file.hpp"

namespace samovar::app {
namespace {

namespace fs = std::filesystem;

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

std::vector<actors::device_spec> make_devices(const config::settings& s, core::blob_store& blobs,
                                              core::image_codec& codec) {
  // Before the lease would be taken away: then the process can be replaced and the device goes on.
  const process_limits limits{std::chrono::milliseconds(900 * s.scheduler.lease_timeout_s),
                              std::chrono::seconds(s.scheduler.unit_timeout_s)};
  const std::chrono::seconds idle(s.model.idle_unload_s);
  std::vector<actors::device_spec> devices;
  const auto names = config::device_names(s.devices.list).value();
  for (const auto& name : names) {
    const auto make = [&blobs, &codec, s, name, limits] {
      return s.devices.isolate == "on" ? start_device_process(s, name, limits)
                                       : make_runner(s, name, blobs, codec);
    };
    devices.push_back({name, [make, idle] {
                         return idle.count() > 0 ? model::make_idle_runner(make, idle) : make();
                       }});
  }
  return devices;
}

net::settings net_settings_of(const config::settings& s, const model_facts& model) {
  net::settings n;
  n.address = s.http.address;
  n.port = static_cast<std::uint16_t>(s.http.port);
  n.io_threads = static_cast<int>(s.http.io_threads);
  n.pool_threads = static_cast<int>(s.http.pool_threads);
  const auto cores = static_cast<int>(std::thread::hardware_concurrency());
  n.password_threads =
      s.sign_in.threads > 0 ? static_cast<int>(s.sign_in.threads) : std::clamp(cores / 2, 1, 4);
  n.link_s = static_cast<int>(s.sign_in.link_s);
  n.public_url = s.http.public_url;
  n.allow_registration = s.http.allow_registration == "on" ||
                         (s.http.allow_registration == "auto" && is_loopback(s.http.address));
  n.upload_bytes_max = static_cast<std::uint64_t>(s.http.upload_mb_max) * 1024 * 1024;
  n.web_root = find_web_root(s.http.web_root);
  n.version = SAMOVAR_VERSION;
  n.model_name = model.identity;
  n.abilities = model.abilities;
  n.header_read_s = static_cast<int>(s.http.header_read_s);
  n.body_idle_s = static_cast<int>(s.http.body_idle_s);
  n.keep_alive_s = static_cast<int>(s.http.keep_alive_s);
  n.body_rate_min = static_cast<std::uint64_t>(s.http.body_rate_min);
  n.key_requests_per_minute = static_cast<int>(s.http.key_requests_per_minute);
  n.trusted_proxies = s.http.trusted_proxies;
  n.cors_origins = s.http.cors_origins;
  n.tls_certificate = s.http.tls_certificate;
  n.tls_key = s.http.tls_key;
  n.hsts_s = static_cast<std::uint32_t>(s.http.hsts_s);
  return n;
}

actors::system_config actor_settings_of(const config::settings& s, core::blob_store& blobs,
                                        core::image_codec& codec) {
  actors::system_config c;
  c.devices = make_devices(s, blobs, codec);
  c.threads = static_cast<std::size_t>(s.scheduler.threads);
  c.slots_per_device = static_cast<int>(s.devices.slots);
  c.lease_timeout = std::chrono::seconds(s.scheduler.lease_timeout_s);
  c.unit_timeout = std::chrono::seconds(s.scheduler.unit_timeout_s);
  c.session_idle = std::chrono::seconds(s.scheduler.session_idle_s);
  c.persistence_queue_max = core::limits::persistence_queue_max;
  return c;
}

core::session_rules session_rules_of(const config::settings& s) {
  using std::chrono::seconds;
  return {seconds(s.sign_in.idle_s), seconds(s.sign_in.lifetime_s), seconds(s.sign_in.rotate_s),
          seconds(s.sign_in.grace_s)};
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

}  // namespace

int serve(const config::settings& s) {
  const auto signals = block_signals(speaks_tls(s));
  raise_descriptor_limit();
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  cv::setNumThreads(1);               // one core per device worker; more workers use more cores
  if (s.model.segmenter == "sam3") {  // before there are threads; device processes inherit it
    model::sam3::let_waiting_threads_sleep();
    spdlog::info("model: OpenBLAS multiplies with its kernels for {}",
                 model::sam3::fit_blas_kernels());
  }
  // Many threads handle large short-lived buffers; without this each keeps its own arena full.
  mallopt(M_ARENA_MAX, 2);
  if (s.model.segmenter == "synthetic")
    spdlog::warn("the synthetic segmenter invents its masks: for tests and benchmarks only");

  const auto net_settings = net_settings_of(s, find_model_facts(s));
  check_devices(s);
  net::check_settings(net_settings);  // before the database is started for nothing
  storage::sodium_secrets secrets;
  const auto oidc = make_oidc_client(s, secrets);
  auto db = storage::open_database(database_options_of(s));
  storage::account_repository accounts(*db.connections, session_rules_of(s));
  storage::link_repository links(*db.connections);
  storage::audit_repository audit(*db.connections);
  storage::image_repository images(*db.connections);
  storage::annotation_repository annotations(*db.connections);
  storage::job_repository jobs(*db.connections);
  storage::result_repository results(*db.connections);
  storage::blob_folder blobs(s.data_dir / "blobs");
  storage::postgres_job_log log(db.app_conninfo, db.watch);
  const auto codec = make_codec(s);

  net::setup_link setup(accounts, secrets);
  storage::unit_journal_file journal(s.data_dir / "units_at_work");
  auto actor_settings = actor_settings_of(s, blobs, *codec);
  actor_settings.journal = &journal;
  actors::system actor_system(std::move(actor_settings), log);
  net::services services{
      net_settings,
      actor_system,
      secrets,
      accounts,
      images,
      annotations,
      jobs,
      results,
      blobs,
      *codec,
      links,
      audit,
      [&] { return db.connections->answers(); },
      [&] { return setup.token(); },
      [&] { setup.done(); },
      [] { return static_cast<std::uint64_t>(now().time_since_epoch().count()); }};
  storage::identity_repository identities(*db.connections);
  net::server server(services);
  server.add_routes(net::api_routes(server.shared_services(), server.control()));
  server.add_routes(
      net::oidc_routes(server.shared_services(), server.control(), identities, oidc.get()));
  server.add_routes(net::identity_routes(identities));
  const auto port = server.start();
  if (oidc) oidc->set_base_url(s.http.public_url.empty() ? url_of(s, port) : s.http.public_url);
  const storage::sweeping_thread sweeper(*db.connections, blobs);
  std::optional<storage::account_watch> watch;
  watch.emplace(
      db.app_conninfo,
      [&](const core::account_change& change) {
        net::follow(server.shared_services(), server.control(), change);
      },
      db.watch);
  note_address(s, url_of(s, port));

  // One write: whoever waits for the first line has the second one too.
  auto greeting = "listening on " + url_of(s, port) + "\n";
  if (const auto token = setup.token(); !token.empty())
    greeting +=
        "create the administrator at " + address_for_links(s) + "/setup?token=" + token + "\n";
  std::cout << greeting << std::flush;

  wait_for_stop(signals, [&](bool asked) { server.renew_certificate(asked); });
  const auto grace = std::chrono::seconds(s.shutdown.grace_s);
  end_by_force_after(grace + std::chrono::seconds(2));
  if (oidc) oidc->stop();
  actor_system.drain(grace);
  watch.reset();  // before what it tells of changes
  server.stop(std::chrono::milliseconds(500));
  actor_system.shutdown(std::chrono::milliseconds(0));
  if (db.watch->hangs()) {
    // All that is left would wait for it: for a last answer, for its own cluster to stop.
    spdlog::warn("the database does not answer; it is left as it stands");
    std::_Exit(config::exit_ok);
  }
  return config::exit_ok;
}

}  // namespace samovar::app
