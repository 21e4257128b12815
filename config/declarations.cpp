#include "config/declarations.hpp"

#include <algorithm>
#include <charconv>
#include <regex>

#include "config/devices.hpp"

namespace samovar::config {

namespace {

core::error bad(const std::string& name, const std::string& what) {
  return core::make_error(core::error_code::validation_failed, name + ": " + what, name);
}

template <class Member>
declaration integer(std::string section, std::string key, std::int64_t low, std::int64_t high,
                    std::string unit, std::string help, Member member) {
  declaration d;
  d.section = std::move(section);
  d.key = std::move(key);
  d.unit = std::move(unit);
  d.range = std::to_string(low) + ".." + std::to_string(high);
  d.help = std::move(help);
  d.is_integer = true;
  settings defaults;
  d.show = [=](settings s) { return std::to_string(member(s)); };
  d.default_text = d.show(defaults);
  d.store = [=, name = d.name()](settings& s, const std::string& value) -> core::status {
    std::int64_t number = 0;
    const auto* end = value.data() + value.size();
    const auto parsed = std::from_chars(value.data(), end, number);
    if (value.empty() || parsed.ec != std::errc() || parsed.ptr != end)
      return bad(name, "a whole number is needed, got '" + value + "'");
    if (number < low || number > high)
      return bad(name, "must be between " + std::to_string(low) + " and " + std::to_string(high) +
                           ", got " + value);
    member(s) = number;
    return core::done{};
  };
  return d;
}

template <class Member>
declaration text(std::string section, std::string key, std::string pattern, std::string range,
                 std::string help, Member member, bool secret = false) {
  declaration d;
  d.section = std::move(section);
  d.key = std::move(key);
  d.range = std::move(range);
  d.help = std::move(help);
  d.is_secret = secret;
  settings defaults;
  d.show = [=](settings s) -> std::string { return member(s); };
  d.default_text = d.show(defaults);
  d.store = [=, name = d.name(), allowed = d.range](settings& s,
                                                    const std::string& value) -> core::status {
    if (value.find('\0') != std::string::npos) return bad(name, "must not contain a zero byte");
    if (!pattern.empty() && !std::regex_match(value, std::regex(pattern))) {
      if (secret) return bad(name, "is not shaped right; " + allowed + " is needed");
      return bad(name, "must be " + allowed + ", got '" + value + "'");
    }
    member(s) = value;
    return core::done{};
  };
  return d;
}

#define SAMOVAR_MEMBER(path) ([](auto& s) -> auto& { return s.path; })

void add_model(std::vector<declaration>& t) {
  t.push_back(text("model", "segmenter", "classical|sam3|synthetic", "classical, sam3 or synthetic",
                   "what turns prompts into masks; sam3 needs model.checkpoint, synthetic is for "
                   "tests only",
                   SAMOVAR_MEMBER(model.segmenter)));
  t.push_back(text("model", "checkpoint", "", "", "SAM 3 checkpoint, for the sam3 segmenter",
                   SAMOVAR_MEMBER(model.checkpoint)));
  t.push_back(text("model", "vocabulary", "", "",
                   "bpe_simple_vocab_16e6.txt.gz or merges.txt, for text prompts; empty: looked "
                   "for beside the checkpoint",
                   SAMOVAR_MEMBER(model.vocabulary)));
  t.push_back(text("model", "dtype", "auto|fp32|bf16|fp16", "auto, fp32, bf16 or fp16",
                   "type sam3 computes in; auto: bf16 on cuda; on a CPU bf16 or fp32, whichever "
                   "multiplies faster there",
                   SAMOVAR_MEMBER(model.dtype)));
  t.push_back(integer("model", "idle_unload_s", 0, 31'536'000, "s",
                      "a device without work for so long unloads its model, and loads it again for "
                      "the next image; 0: never",
                      SAMOVAR_MEMBER(model.idle_unload_s)));
  t.push_back(integer("model", "score_min_percent", 0, 99, "%",
                      "sam3, find_all: scores of 0 to 1 must be greater than this part of 1",
                      SAMOVAR_MEMBER(model.score_min_percent)));
  t.push_back(integer("model", "overlap_max_percent", 1, 100, "%",
                      "sam3, find_all: of two masks with more overlap (intersection over union) "
                      "the one with the lower score goes; 100: none does",
                      SAMOVAR_MEMBER(model.overlap_max_percent)));
  t.push_back(integer("model", "area_min_px", 0, 100'000'000, "px",
                      "sam3, find_all: masks with fewer pixels are left out",
                      SAMOVAR_MEMBER(model.area_min_px)));
  t.push_back(integer("model", "synthetic_cost_ms", 0, 60000, "ms",
                      "device time of one image with the synthetic segmenter",
                      SAMOVAR_MEMBER(model.synthetic_cost_ms)));
  t.push_back(integer("model", "cache_mb", 0, 1048576, "MB", "encodings kept in memory, per device",
                      SAMOVAR_MEMBER(model.cache_mb)));
}

void add_devices(std::vector<declaration>& t) {
  t.push_back(text("devices", "list", "", "cpu, cpu:N, cuda or cuda:N, with commas",
                   "devices that work: cpu:N is N workers on the CPU, cuda:N (sam3 only) the GPU "
                   "with that number",
                   SAMOVAR_MEMBER(devices.list)));
  auto& list = t.back();
  list.is_list = true;
  list.store = [](settings& s, const std::string& value) -> core::status {
    if (const auto names = device_names(value); !names) return names.failure();
    s.devices.list = value;
    return core::done{};
  };
  t.push_back(text("devices", "isolate", "on|off", "on or off",
                   "each device in a process of its own, so that a crash in native code costs the "
                   "image at work and not the server",
                   SAMOVAR_MEMBER(devices.isolate)));
  t.push_back(integer("devices", "slots", 1, 8, "slots",
                      "units a device holds at a time (one runs, one is decoded, one has its masks "
                      "finished)",
                      SAMOVAR_MEMBER(devices.slots)));
}

std::vector<declaration> make_table() {
  std::vector<declaration> t;
  declaration data_dir;
  data_dir.key = "data_dir";
  data_dir.default_text = "data";
  data_dir.help = "folder of the database cluster and the images";
  data_dir.show = [](const settings& s) { return s.data_dir.string(); };
  data_dir.store = [](settings& s, const std::string& value) -> core::status {
    if (value.empty() || value.find('\0') != std::string::npos)
      return bad("data_dir", "a folder is needed");
    s.data_dir = value;
    return core::done{};
  };
  t.push_back(std::move(data_dir));

  t.push_back(text("http", "address", "[0-9A-Fa-f:.]+", "an IPv4 or IPv6 address",
                   "address to listen on", SAMOVAR_MEMBER(http.address)));
  t.push_back(integer("http", "port", 0, 65535, "", "port to listen on; 0 picks a free one",
                      SAMOVAR_MEMBER(http.port)));
  t.push_back(text("http", "public_url", "(https?://[^\\s]+)?", "a URL beginning with http",
                   "address under which browsers see the server (behind a proxy)",
                   SAMOVAR_MEMBER(http.public_url)));
  t.push_back(text("http", "web_root", "", "", "folder with the built web page; empty: found",
                   SAMOVAR_MEMBER(http.web_root)));
  t.push_back(text("http", "allow_registration", "auto|on|off", "auto, on or off",
                   "may people register themselves; auto: only when bound to loopback",
                   SAMOVAR_MEMBER(http.allow_registration)));
  t.push_back(integer("http", "io_threads", 1, 64, "threads", "threads for connections",
                      SAMOVAR_MEMBER(http.io_threads)));
  t.push_back(integer("http", "pool_threads", 1, 256, "threads",
                      "threads for SQL, files and images", SAMOVAR_MEMBER(http.pool_threads)));
  t.push_back(integer("http", "upload_mb_max", 1, 4096, "MB", "largest upload",
                      SAMOVAR_MEMBER(http.upload_mb_max)));
  t.push_back(integer("http", "header_read_s", 1, 600, "s", "time a request's header may take",
                      SAMOVAR_MEMBER(http.header_read_s)));
  t.push_back(integer("http", "body_idle_s", 1, 600, "s", "longest pause within a request's body",
                      SAMOVAR_MEMBER(http.body_idle_s)));
  t.push_back(integer("http", "keep_alive_s", 1, 3600, "s", "how long an idle connection stays",
                      SAMOVAR_MEMBER(http.keep_alive_s)));
  t.push_back(integer("http", "body_rate_min", 0, 1'000'000'000, "bytes/s",
                      "slowest mean rate of a body after http.body_idle_s of waiting; 0: any",
                      SAMOVAR_MEMBER(http.body_rate_min)));
  t.push_back(integer("http", "key_requests_per_minute", 0, 1'000'000, "requests",
                      "what one API key may send in a minute; 0: no limit",
                      SAMOVAR_MEMBER(http.key_requests_per_minute)));
  t.push_back(text("http", "trusted_proxies", "[0-9A-Fa-f:./, ]*",
                   "addresses and CIDR blocks between commas",
                   "proxies whose X-Forwarded-For, -Proto and -Host are believed",
                   SAMOVAR_MEMBER(http.trusted_proxies)));
  t.back().is_list = true;
  t.push_back(text("http", "cors_origins", "", "origins between commas",
                   "pages elsewhere whose scripts may call the API, with API keys; empty: none",
                   SAMOVAR_MEMBER(http.cors_origins)));
  t.back().is_list = true;
  t.push_back(text("http", "tls_certificate", "", "a PEM file",
                   "certificate chain, leaf first: the server speaks https; empty: plain HTTP",
                   SAMOVAR_MEMBER(http.tls_certificate)));
  t.push_back(text("http", "tls_key", "", "a PEM file without a passphrase",
                   "the certificate's private key", SAMOVAR_MEMBER(http.tls_key)));
  t.push_back(integer("http", "hsts_s", 0, 63'072'000, "s",
                      "how long browsers shall insist on https once they saw it; 0: not said",
                      SAMOVAR_MEMBER(http.hsts_s)));
  t.push_back(integer("sign_in", "idle_s", 1, 31'536'000, "s",
                      "a browser's session ends after so long without a request",
                      SAMOVAR_MEMBER(sign_in.idle_s)));
  t.push_back(integer("sign_in", "lifetime_s", 1, 31'536'000, "s",
                      "a browser's session ends after so long in any case",
                      SAMOVAR_MEMBER(sign_in.lifetime_s)));
  t.push_back(integer("sign_in", "rotate_s", 1, 31'536'000, "s",
                      "age at which a session's token is replaced",
                      SAMOVAR_MEMBER(sign_in.rotate_s)));
  t.push_back(integer("sign_in", "grace_s", 0, 3'600, "s",
                      "a replaced token works for so long after the first use of the new one",
                      SAMOVAR_MEMBER(sign_in.grace_s)));
  t.push_back(integer("sign_in", "link_s", 60, 31'536'000, "s",
                      "how long an invite or password-reset link works",
                      SAMOVAR_MEMBER(sign_in.link_s)));
  t.push_back(
      integer("sign_in", "threads", 0, 16, "threads",
              "threads that check passwords, 64 MB each; 0: half of the processors, at most "
              "4",
              SAMOVAR_MEMBER(sign_in.threads)));
  t.push_back(text("database", "url", "(postgres(ql)?://.*)?", "a postgresql:// URL",
                   "PostgreSQL to use as samovar_app; empty: an embedded cluster",
                   SAMOVAR_MEMBER(database.url), true));
  t.push_back(text("database", "owner_url", "(postgres(ql)?://.*)?", "a postgresql:// URL",
                   "the same database as its owner, for migrations",
                   SAMOVAR_MEMBER(database.owner_url), true));
  t.push_back(integer("database", "pool_size", 2, 30, "connections", "connections kept open",
                      SAMOVAR_MEMBER(database.pool_size)));
  t.push_back(integer("database", "answer_s", 2, 300, "s",
                      "a database that gives no sign of life for so long hangs: requests get 503",
                      SAMOVAR_MEMBER(database.answer_s)));
  add_model(t);
  add_devices(t);
  t.push_back(integer("scheduler", "threads", 1, 64, "threads", "threads for actors",
                      SAMOVAR_MEMBER(scheduler.threads)));
  t.push_back(integer("scheduler", "lease_timeout_s", 1, 3600, "s",
                      "a device without progress for so long is taken out",
                      SAMOVAR_MEMBER(scheduler.lease_timeout_s)));
  t.push_back(integer("scheduler", "unit_timeout_s", 1, 86400, "s",
                      "a device that ends no image for so long is taken out, whatever progress it "
                      "shows",
                      SAMOVAR_MEMBER(scheduler.unit_timeout_s)));
  t.push_back(integer("scheduler", "session_idle_s", 1, 86400, "s",
                      "a user's session without work or sockets ends after so long",
                      SAMOVAR_MEMBER(scheduler.session_idle_s)));
  t.push_back(integer("shutdown", "grace_s", 0, 600, "s",
                      "time that running units have to finish at SIGTERM",
                      SAMOVAR_MEMBER(shutdown.grace_s)));
  t.push_back(text("log", "level", "trace|debug|info|warn|error",
                   "trace, debug, info, warn or error", "how much is logged",
                   SAMOVAR_MEMBER(log.level)));
  return t;
}

void add_oidc_client(std::vector<declaration>& t) {
  t.push_back(text("oidc", "issuer", "(https?://[^\\s]+)?", "a URL beginning with http",
                   "OpenID Connect provider, exactly as it names itself; empty: none",
                   SAMOVAR_MEMBER(oidc.issuer)));
  t.push_back(text("oidc", "name", ".{1,60}", "1 to 60 characters",
                   "what the button on the sign-in page says", SAMOVAR_MEMBER(oidc.name)));
  t.push_back(text("oidc", "client_id", "", "", "this server's name at the provider",
                   SAMOVAR_MEMBER(oidc.client_id)));
  t.push_back(text("oidc", "client_secret", "", "", "its password there; empty: a public client",
                   SAMOVAR_MEMBER(oidc.client_secret), true));
  t.push_back(text("oidc", "client_secret_file", "", "", "file that holds the client secret",
                   SAMOVAR_MEMBER(oidc.client_secret_file)));
  t.push_back(text("oidc", "client_auth", "basic|post", "basic or post",
                   "how the secret is sent: client_secret_basic or client_secret_post",
                   SAMOVAR_MEMBER(oidc.client_auth)));
  t.push_back(text("oidc", "scopes", "([!-~]+ )*openid( [!-~]+)*", "words, openid among them",
                   "what the provider is asked for", SAMOVAR_MEMBER(oidc.scopes)));
  t.push_back(text("oidc", "ca_file", "", "",
                   "PEM file with the provider's authority; empty: the system's",
                   SAMOVAR_MEMBER(oidc.ca_file)));
  t.push_back(integer("oidc", "cache_s", 1, 86400, "s",
                      "how long the provider's keys and addresses are kept",
                      SAMOVAR_MEMBER(oidc.cache_s)));
  t.push_back(integer("oidc", "timeout_s", 1, 60, "s",
                      "longest wait for one answer of the provider",
                      SAMOVAR_MEMBER(oidc.timeout_s)));
}

void add_oidc_people(std::vector<declaration>& t) {
  t.push_back(text("oidc", "allowed_domains", "", "",
                   "domains of e-mail addresses that may sign in, with commas; empty: all",
                   SAMOVAR_MEMBER(oidc.allowed_domains)));
  t.push_back(text("oidc", "create_users", "on|off", "on or off",
                   "is an account made at a person's first sign-in",
                   SAMOVAR_MEMBER(oidc.create_users)));
  t.push_back(text("oidc", "link_verified_email", "on|off", "on or off",
                   "does a verified address sign in to the account that has it already",
                   SAMOVAR_MEMBER(oidc.link_verified_email)));
  t.push_back(text("oidc", "trust_email", "on|off", "on or off",
                   "are addresses without email_verified believed (Entra ID, one tenant)",
                   SAMOVAR_MEMBER(oidc.trust_email)));
  t.push_back(text("oidc", "groups_claim", "[!-~]+", "a name, or a path with dots",
                   "claim that lists a person's groups", SAMOVAR_MEMBER(oidc.groups_claim)));
  t.push_back(text("oidc", "admin_group", "", "",
                   "group whose members are administrators; empty: none",
                   SAMOVAR_MEMBER(oidc.admin_group)));
  t.push_back(text("oidc", "tenants", "", "",
                   "tenant ids with commas, or any; needed when the issuer has {tenantid}",
                   SAMOVAR_MEMBER(oidc.tenants)));
}

}  // namespace

std::string declaration::environment_name() const {
  std::string out = "SAMOVAR_" + (section.empty() ? key : section + "_" + key);
  for (auto& c : out) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return out;
}

const std::vector<declaration>& declarations() {
  static const std::vector<declaration> table = [] {
    auto t = make_table();
    add_oidc_client(t);
    add_oidc_people(t);
    return t;
  }();
  return table;
}

core::status refuse_unknown_variables(const std::vector<std::string>& names) {
  for (const auto& name : names) {
    if (!name.starts_with("SAMOVAR_") || name.starts_with("SAMOVAR_TEST_") ||
        name == "SAMOVAR_SAM3_GOLDEN" || name == "SAMOVAR_SAM3_VOCABULARY")
      continue;
    const auto known = [&](const declaration& d) { return d.environment_name() == name; };
    if (std::none_of(declarations().begin(), declarations().end(), known))
      return bad("environment variable " + name, "unknown setting");
  }
  return core::done{};
}

const declaration* find_declaration(const std::string& name) {
  std::string wanted = name;
  std::replace(wanted.begin(), wanted.end(), '-', '_');
  for (const auto& d : declarations())
    if (d.name() == wanted) return &d;
  return nullptr;
}

}  // namespace samovar::config
