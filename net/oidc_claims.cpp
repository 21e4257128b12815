#include "net/oidc_claims.hpp"

#include <algorithm>
#include <cmath>

#include "core/accounts.hpp"
#include "core/limits.hpp"
#include "net/codec.hpp"
#include "net/oidc_text.hpp"
#include "net/text.hpp"

namespace samovar::net {

namespace {

using nlohmann::json;
using refusal = std::optional<oidc_refusal>;

constexpr std::size_t subject_bytes_max = 255;
constexpr std::string_view tenant_mark = "{tenantid}";
/// 9999-12-31: anything later is a mistake, not a date.
constexpr double date_max_s = 253'402'300'799.0;

oidc_refusal no(oidc_error code, std::string why) { return {code, std::move(why)}; }

/// RFC 7519 NumericDate: seconds, perhaps with a fraction.
std::optional<double> date_of(const json& claims, const char* name) {
  const auto it = claims.find(name);
  if (it == claims.end() || !it->is_number()) return std::nullopt;
  const auto seconds = it->get<double>();
  if (!std::isfinite(seconds) || seconds < 0 || seconds > date_max_s) return std::nullopt;
  return seconds;
}

bool printable_ascii(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

bool is_guid(std::string_view s) { return s.size() == 36 && core::parse_uuid(s).has_value(); }

refusal check_issuer(const json& claims, const token_expectation& e) {
  const auto issuer = text_member(claims, "iss");
  if (!issuer) return no(oidc_error::token_malformed, "iss is missing");
  std::string tenant;
  if (!issuer_matches(*issuer, e, tenant))
    return no(oidc_error::token_issuer, "iss is not the configured issuer");
  if (tenant.empty()) return std::nullopt;
  const auto tid = text_member(claims, "tid");
  if (!tid || !equals_ignoring_case(*tid, tenant))
    return no(oidc_error::token_issuer, "tid is not the tenant of iss");
  return std::nullopt;
}

refusal check_audience(const json& claims, const token_expectation& e) {
  const auto it = claims.find("aud");
  if (it == claims.end()) return no(oidc_error::token_malformed, "aud is missing");
  bool named = false;
  std::size_t count = 1;
  if (it->is_string()) {
    named = it->get_ref<const std::string&>() == e.client_id;
  } else if (it->is_array()) {
    count = it->size();
    for (const auto& one : *it) {
      if (!one.is_string()) return no(oidc_error::token_malformed, "aud holds no texts");
      named = named || one.get_ref<const std::string&>() == e.client_id;
    }
  } else {
    return no(oidc_error::token_malformed, "aud is no text");
  }
  if (!named) return no(oidc_error::token_audience, "aud does not name this client");
  const auto azp = claims.find("azp");
  if (azp == claims.end()) {
    if (count > 1)
      return no(oidc_error::token_audience, "aud names several clients and azp is missing");
  } else if (!azp->is_string() || azp->get_ref<const std::string&>() != e.client_id) {
    return no(oidc_error::token_audience, "azp is not this client");
  }
  return std::nullopt;
}

refusal check_dates(const json& claims, const token_expectation& e) {
  const auto exp = date_of(claims, "exp");
  const auto iat = date_of(claims, "iat");
  if (!exp) return no(oidc_error::token_malformed, "exp is missing or no date");
  if (!iat) return no(oidc_error::token_malformed, "iat is missing or no date");
  if (e.now_unix_s >= *exp + clock_skew_s) return no(oidc_error::token_expired, "exp has passed");
  if (*iat > e.now_unix_s + clock_skew_s)
    return no(oidc_error::token_not_yet_valid, "iat lies in the future");
  if (!claims.contains("nbf")) return std::nullopt;
  const auto nbf = date_of(claims, "nbf");
  if (!nbf) return no(oidc_error::token_malformed, "nbf is no date");
  if (*nbf > e.now_unix_s + clock_skew_s)
    return no(oidc_error::token_not_yet_valid, "nbf lies in the future");
  return std::nullopt;
}

refusal check_binding(const json& claims, const token_expectation& e) {
  const auto nonce = text_member(claims, "nonce");
  if (!nonce || e.nonce.empty() || !equal_in_constant_time(*nonce, e.nonce))
    return no(oidc_error::token_nonce, "nonce is not the one sent");
  if (!claims.contains("at_hash")) return std::nullopt;
  const auto hash = text_member(claims, "at_hash");
  if (!hash || *hash != base64url(sha256_of(e.access_token).substr(0, 16)))
    return no(oidc_error::token_hash, "at_hash is not the access token's");
  return std::nullopt;
}

/// The member of that name, or what the path with dots leads to (Keycloak's realm_access.roles).
const json* find_claim(const json& claims, const std::string& path) {
  if (const auto it = claims.find(path); it != claims.end()) return &*it;
  const json* at = &claims;
  for (std::size_t from = 0;;) {
    const auto dot = path.find('.', from);
    if (!at->is_object()) return nullptr;
    const auto it = at->find(path.substr(from, dot == std::string::npos ? dot : dot - from));
    if (it == at->end()) return nullptr;
    at = &*it;
    if (dot == std::string::npos) return at;
    from = dot + 1;
  }
}

/// OpenID Connect Core 1.0, 5.6.2: the claim exists, but elsewhere.
bool left_out(const json& claims, const std::string& name) {
  const auto it = claims.find("_claim_names");
  return it != claims.end() && it->is_object() && it->contains(name);
}

std::optional<bool> is_admin(const json& claims, const oidc_settings& s) {
  if (s.admin_group.empty()) return std::nullopt;
  const json* groups = find_claim(claims, s.groups_claim);
  if (groups == nullptr)
    return left_out(claims, s.groups_claim) ? std::nullopt : std::optional(false);
  if (groups->is_string()) return groups->get_ref<const std::string&>() == s.admin_group;
  if (!groups->is_array()) return false;
  return std::any_of(groups->begin(), groups->end(), [&](const json& g) {
    return g.is_string() && g.get_ref<const std::string&>() == s.admin_group;
  });
}

/// Some providers (Cognito) write the text "true".
bool says_true(const json& claims, const char* name) {
  const auto it = claims.find(name);
  if (it == claims.end()) return false;
  return it->is_boolean() ? it->get<bool>() : it->is_string() && *it == "true";
}

/// At most that many characters of clean text.
std::string display_name_of(const json& claims) {
  for (const char* member : {"name", "preferred_username"}) {
    const auto text = text_member(claims, member);
    if (!text || !valid_utf8(*text)) continue;
    std::string out;
    std::size_t chars = 0;
    for (std::size_t i = 0; i < text->size() && chars < core::limits::key_name_chars_max; ++chars) {
      const auto n = utf8_length(std::string_view(*text).substr(i));
      if (n > 1 || static_cast<unsigned char>((*text)[i]) >= 0x20) out += text->substr(i, n);
      i += n;
    }
    if (!trim(out).empty()) return std::string(trim(out));
  }
  return {};
}

}  // namespace

bool issuer_matches(std::string_view issuer, const token_expectation& e, std::string& tenant) {
  tenant.clear();
  const auto mark = e.issuer.find(tenant_mark);
  if (mark == std::string::npos) return issuer == e.issuer;
  const auto before = std::string_view(e.issuer).substr(0, mark);
  const auto after = std::string_view(e.issuer).substr(mark + tenant_mark.size());
  if (issuer.size() != before.size() + 36 + after.size() || !issuer.starts_with(before) ||
      !issuer.ends_with(after))
    return false;
  std::string id(issuer.substr(before.size(), 36));
  if (!is_guid(id)) return false;
  for (auto& c : id) c = lower(c);
  if (!e.any_tenant && std::find(e.tenants.begin(), e.tenants.end(), id) == e.tenants.end())
    return false;
  tenant = std::move(id);
  return true;
}

std::optional<oidc_refusal> check_claims(const json& claims, const token_expectation& e) {
  const auto subject = text_member(claims, "sub");
  if (!subject || subject->empty() || subject->size() > subject_bytes_max ||
      !printable_ascii(*subject))
    return no(oidc_error::token_malformed, "sub is missing or malformed");
  for (const auto check : {check_issuer, check_audience, check_dates, check_binding})
    if (auto wrong = check(claims, e)) return wrong;
  return std::nullopt;
}

bool wants_userinfo(const json& claims, const oidc_settings& s) {
  const bool groups = !s.admin_group.empty() && find_claim(claims, s.groups_claim) == nullptr &&
                      !left_out(claims, s.groups_claim);
  return !claims.contains("email") || groups;
}

void add_userinfo(json& claims, const json& info, const oidc_settings& s) {
  const auto copy = [&](const std::string& name) {
    if (!claims.contains(name) && info.contains(name)) claims[name] = info[name];
  };
  if (!claims.contains("email")) {
    claims.erase("email_verified");
    copy("email");
    copy("email_verified");
  }
  copy("name");
  copy("preferred_username");
  if (find_claim(claims, s.groups_claim) == nullptr) {
    if (const json* groups = find_claim(info, s.groups_claim)) {
      const json found = *groups;
      claims[s.groups_claim] = found;
    }
  }
}

oidc_person read_person(const json& claims, const oidc_settings& s) {
  oidc_person p;
  p.issuer = text_member(claims, "iss").value_or("");
  p.subject = text_member(claims, "sub").value_or("");
  if (const auto email = text_member(claims, "email"); email && valid_utf8(*email))
    p.email = core::normalize_email(*email);
  p.email_verified = p.email && says_true(claims, "email_verified");
  p.name = display_name_of(claims);
  p.admin = is_admin(claims, s);
  return p;
}

}  // namespace samovar::net
