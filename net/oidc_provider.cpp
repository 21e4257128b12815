#include "net/oidc_provider.hpp"

#include <spdlog/spdlog.h>

namespace samovar::net {

namespace {

using namespace std::chrono_literals;

/// After a failure the provider is left alone for so long, so that one that hangs does not hold a
/// thread for every person who tries.
constexpr auto failure_kept = 3s;
constexpr bucket_rule refetch_rule{1.0 / 30.0, 5.0};

}  // namespace

oidc_provider::oidc_provider(const oidc_settings& s, http_fetcher& http, clock now)
    : settings_(s), http_(http), now_(std::move(now)), refetches_(refetch_rule, 1) {}

oidc_result<std::string> oidc_provider::download(const std::string& url, const char* what) {
  const auto answer = http_.fetch({url, {}, {}});
  if (const auto* failed = std::get_if<http_failure>(&answer))
    return oidc_refusal{oidc_error::unavailable, std::string(what) + ": " + failed->why};
  const auto& got = std::get<http_answer>(answer);
  if (got.status != 200)
    return oidc_refusal{oidc_error::unavailable,
                        std::string(what) + ": status " + std::to_string(got.status)};
  return got.body;
}

template <class T>
bool oidc_provider::fresh(const cached<T>& c) const {
  return c.value && now_() - c.fetched_at < settings_.cache;
}

template <class T, class Fetch>
oidc_result<std::shared_ptr<const T>> oidc_provider::get(cached<T>& c, bool anew, Fetch fetch) {
  const auto asked_at = now_();
  const auto look = [&]() -> std::optional<oidc_result<std::shared_ptr<const T>>> {
    const std::lock_guard lock(mutex_);
    // Fetched by another thread since we asked: as new as can be.
    if (fresh(c) && (!anew || c.fetched_at > asked_at)) return c.value;
    if (!c.failure.empty() && now_() - c.failed_at < failure_kept)
      return oidc_refusal{oidc_error::unavailable, c.failure};
    return std::nullopt;
  };
  if (auto known = look()) return *known;
  const std::lock_guard only_one(fetching_);
  if (auto known = look()) return *known;
  oidc_result<T> got = fetch();
  const std::lock_guard lock(mutex_);
  if (const auto* failed = std::get_if<oidc_refusal>(&got)) {
    c.failure = failed->why;
    c.failed_at = now_();
    return *failed;
  }
  c.failure.clear();
  c.value = std::make_shared<const T>(std::move(std::get<T>(got)));
  c.fetched_at = now_();
  return c.value;
}

oidc_result<std::shared_ptr<const oidc_metadata>> oidc_provider::metadata() {
  return get(metadata_, false, [this]() -> oidc_result<oidc_metadata> {
    auto text = download(discovery_url(settings_.issuer), "discovery");
    if (auto* failed = std::get_if<oidc_refusal>(&text)) return *failed;
    return read_metadata(std::get<std::string>(text), settings_.issuer);
  });
}

oidc_result<std::shared_ptr<const oidc_keys>> oidc_provider::keys(bool anew) {
  const auto known = metadata();
  if (const auto* failed = std::get_if<oidc_refusal>(&known)) return *failed;
  const auto url = std::get<0>(known)->jwks_uri;
  return get(keys_, anew, [this, &url]() -> oidc_result<oidc_keys> {
    auto text = download(url, "keys");
    if (auto* failed = std::get_if<oidc_refusal>(&text)) return *failed;
    auto read = read_keys(std::get<std::string>(text));
    if (!read) return oidc_refusal{oidc_error::unavailable, "keys: not a JWK Set"};
    return std::move(*read);
  });
}

oidc_result<nlohmann::json> oidc_provider::verify(const std::string& id_token) {
  auto token = read_token(id_token);
  if (auto* bad = std::get_if<oidc_refusal>(&token)) return *bad;
  for (const bool anew : {false, true}) {
    const auto held = keys(anew);
    if (const auto* failed = std::get_if<oidc_refusal>(&held)) return *failed;
    auto claims = verify_token(std::get<signed_token>(token), *std::get<0>(held));
    const auto* bad = std::get_if<oidc_refusal>(&claims);
    const bool unknown = bad != nullptr && bad->code == oidc_error::token_key_unknown;
    if (!unknown || anew || !refetches_.take("", now_())) return claims;
    spdlog::info("oidc: the provider's keys are fetched anew for an unknown kid");
  }
  return oidc_refusal{oidc_error::token_key_unknown, "no key fits"};  // not reached
}

}  // namespace samovar::net
