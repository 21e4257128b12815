#include "app/oidc.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "core/ids.hpp"
#include "net/oidc_text.hpp"
#include "net/rate_limit.hpp"

namespace samovar::app {
namespace {

constexpr std::size_t secret_bytes_max = 4096;

void require(bool ok, const char* sentence) {
  if (!ok) throw std::runtime_error(sentence);
}

/// The parts between commas, trimmed, in lower case, without empty ones.
std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c == ',')
      words.emplace_back();
    else if (c != ' ' && c != '\t')
      words.back().push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  }
  std::erase_if(words, [](const std::string& w) { return w.empty(); });
  return words;
}

std::string read_secret(const config::settings& s) {
  const auto& file = s.oidc.client_secret_file;
  if (file.empty()) return s.oidc.client_secret;
  require(s.oidc.client_secret.empty(),
          "oidc.client_secret and oidc.client_secret_file are both set; one is enough");
  std::ifstream in(file, std::ios::binary);
  require(in.good(), "oidc.client_secret_file: the file cannot be read");
  std::string secret{std::istreambuf_iterator<char>(in), {}};
  while (secret.ends_with('\n') || secret.ends_with('\r')) secret.pop_back();
  require(!secret.empty() && secret.size() <= secret_bytes_max,
          "oidc.client_secret_file: 1 to 4,096 bytes are expected");
  return secret;
}

void check_issuer(const std::string& issuer) {
  static constexpr std::string_view mark = "{tenantid}";
  std::string plain = issuer;
  if (const auto at = plain.find(mark); at != std::string::npos)
    plain.replace(at, mark.size(), "tenant");
  require(net::is_safe_endpoint(plain, true),
          "oidc.issuer: https is required (http only for a provider on this machine)");
}

void read_tenants(const config::settings& s, net::oidc_settings& o) {
  o.tenants = words_of(s.oidc.tenants);
  o.any_tenant = o.tenants == std::vector<std::string>{"any"};
  if (o.any_tenant) o.tenants.clear();
  require(o.multi_tenant() == !s.oidc.tenants.empty(),
          "oidc.tenants goes with {tenantid} in oidc.issuer: set both or neither");
  require(std::all_of(o.tenants.begin(), o.tenants.end(),
                      [](const std::string& t) { return core::parse_uuid(t).has_value(); }),
          "oidc.tenants: ids like 01234567-89ab-cdef-0123-456789abcdef are expected, or any");
  require(!o.any_tenant || s.oidc.trust_email == "off",
          "oidc.trust_email: with oidc.tenants = any, anybody can claim any address");
}

void read_domains(const config::settings& s, net::oidc_settings& o) {
  o.allowed_domains = words_of(s.oidc.allowed_domains);
  for (auto& d : o.allowed_domains) {
    if (d.starts_with('@')) d.erase(0, 1);
    require(!d.empty() && d.find_first_of("@*/") == std::string::npos,
            "oidc.allowed_domains: names like example.org are expected, without wildcards");
  }
}

void check_own_address(const config::settings& s) {
  require(!s.http.public_url.empty() || net::is_loopback(s.http.address),
          "oidc.issuer needs http.public_url: the provider sends browsers back to it");
  if (!s.http.public_url.empty())
    require(net::is_safe_endpoint(s.http.public_url, true),
            "http.public_url: OpenID Connect needs https (http only on this machine)");
}

net::oidc_settings settings_of(const config::settings& s) {
  net::oidc_settings o;
  o.issuer = s.oidc.issuer;
  o.name = s.oidc.name;
  o.client_id = s.oidc.client_id;
  o.client_secret = read_secret(s);
  o.client_auth =
      s.oidc.client_auth == "post" ? net::oidc_client_auth::post : net::oidc_client_auth::basic;
  o.scopes = s.oidc.scopes;
  o.create_users = s.oidc.create_users == "on";
  o.link_verified_email = s.oidc.link_verified_email == "on";
  o.trust_email = s.oidc.trust_email == "on";
  o.groups_claim = s.oidc.groups_claim;
  o.admin_group = s.oidc.admin_group;
  o.ca_file = s.oidc.ca_file;
  o.cache = std::chrono::seconds(s.oidc.cache_s);
  o.timeout = std::chrono::seconds(s.oidc.timeout_s);
  read_tenants(s, o);
  read_domains(s, o);
  return o;
}

}  // namespace

std::unique_ptr<net::oidc_client> make_oidc_client(const config::settings& s,
                                                   const core::secrets& secrets) {
  if (s.oidc.issuer.empty()) {
    require(s.oidc.client_id.empty(), "oidc.client_id is set, but oidc.issuer is not");
    return nullptr;
  }
  require(!s.oidc.client_id.empty(), "oidc.issuer is set, but oidc.client_id is not");
  check_issuer(s.oidc.issuer);
  check_own_address(s);
  auto o = settings_of(s);
  auto http = std::make_unique<net::curl_fetcher>(o.timeout, o.ca_file, "samovar/" SAMOVAR_VERSION);
  // Half of the pool at most waits for the provider.
  const auto at_once = static_cast<std::size_t>(std::max<std::int64_t>(1, s.http.pool_threads / 2));
  spdlog::info("oidc: people sign in at {}", o.issuer);
  return std::make_unique<net::oidc_client>(std::move(o), std::move(http), secrets, at_once);
}

}  // namespace samovar::app
