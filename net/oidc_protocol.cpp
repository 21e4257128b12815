#include "net/oidc_protocol.hpp"

#include <algorithm>

#include "net/oidc_text.hpp"
#include "net/text.hpp"

namespace samovar::net {

namespace {

using nlohmann::json;

constexpr std::size_t code_bytes_max = 6 * 1024;
constexpr std::size_t error_word_chars_max = 64;

oidc_refusal no(oidc_error code, std::string why) { return {code, std::move(why)}; }

/// A provider's error word (RFC 6749, 4.1.2.1) is shown in the log only when it looks like one.
std::string word_of(std::string_view text) {
  const bool plain = text.size() <= error_word_chars_max &&
                     std::all_of(text.begin(), text.end(),
                                 [](char c) { return is_alnum(c) || c == '_' || c == '.'; });
  return plain && !text.empty() ? std::string(text) : "an unreadable error";
}

bool lists(const json& document, const char* name, const char* wanted) {
  const auto it = document.find(name);
  if (it == document.end()) return true;  // it does not say
  return it->is_array() && std::find(it->begin(), it->end(), wanted) != it->end();
}

}  // namespace

std::string discovery_url(const std::string& issuer) {
  static constexpr std::string_view mark = "{tenantid}";
  std::string url = issuer;
  if (const auto at = url.find(mark); at != std::string::npos)
    url.replace(at, mark.size(), "organizations");
  while (url.ends_with('/')) url.pop_back();
  return url + "/.well-known/openid-configuration";
}

oidc_result<oidc_metadata> read_metadata(std::string_view text, const std::string& issuer) {
  const auto document = strict_json_object(text);
  if (!document) return no(oidc_error::unavailable, "the discovery document is no JSON object");
  if (text_member(*document, "issuer") != issuer)
    return no(oidc_error::unavailable, "the discovery document is of another issuer");
  const bool loopback = is_loopback_http(issuer);
  oidc_metadata m;
  const std::pair<const char*, std::string*> wanted[] = {
      {"authorization_endpoint", &m.authorization_endpoint},
      {"token_endpoint", &m.token_endpoint},
      {"jwks_uri", &m.jwks_uri},
      {"userinfo_endpoint", &m.userinfo_endpoint}};
  for (const auto& [name, place] : wanted) {
    const auto url = text_member(*document, name);
    if (!url && place == &m.userinfo_endpoint) continue;
    if (!url || !is_safe_endpoint(*url, loopback))
      return no(oidc_error::unavailable,
                std::string(name) + " of the discovery document is missing or not https");
    *place = *url;
  }
  if (!lists(*document, "response_types_supported", "code"))
    return no(oidc_error::unavailable, "the provider does not offer the code flow");
  const auto named = document->find("authorization_response_iss_parameter_supported");
  m.names_itself = named != document->end() && named->is_boolean() && named->get<bool>();
  return m;
}

std::string pkce_challenge(std::string_view verifier) { return base64url(sha256_of(verifier)); }

std::string authorization_url(const oidc_metadata& m, const oidc_settings& s,
                              const authorization& a) {
  std::string url = m.authorization_endpoint;
  url += url.find('?') == std::string::npos ? '?' : '&';
  append_parameter(url, "response_type", "code");
  append_parameter(url, "client_id", s.client_id);
  append_parameter(url, "redirect_uri", a.redirect_uri);
  append_parameter(url, "scope", s.scopes);
  append_parameter(url, "state", a.state);
  append_parameter(url, "nonce", a.nonce);
  append_parameter(url, "code_challenge", pkce_challenge(a.verifier));
  append_parameter(url, "code_challenge_method", "S256");
  return url;
}

http_form token_request(const oidc_settings& s, const std::string& code,
                        const std::string& verifier, const std::string& redirect_uri) {
  http_form f;
  append_parameter(f.body, "grant_type", "authorization_code");
  append_parameter(f.body, "code", code);
  append_parameter(f.body, "redirect_uri", redirect_uri);
  append_parameter(f.body, "code_verifier", verifier);
  if (!s.client_secret.empty() && s.client_auth == oidc_client_auth::basic) {
    // RFC 6749, 2.3.1: both parts are form-encoded before they are joined.
    std::string id, secret;
    append_parameter(id, "", s.client_id);
    append_parameter(secret, "", s.client_secret);
    f.headers.emplace_back("Authorization",
                           "Basic " + base64(id.substr(1) + ":" + secret.substr(1)));
    return f;
  }
  append_parameter(f.body, "client_id", s.client_id);
  if (!s.client_secret.empty()) append_parameter(f.body, "client_secret", s.client_secret);
  return f;
}

oidc_result<oidc_tokens> read_tokens(int status, std::string_view text) {
  const auto answer = strict_json_object(text);
  if (status >= 400 && status < 500) {
    const auto error = answer ? text_member(*answer, "error") : std::nullopt;
    return no(oidc_error::code_refused, "the token endpoint answered " + std::to_string(status) +
                                            ": " + word_of(error.value_or("")));
  }
  if (status != 200)
    return no(oidc_error::unavailable, "the token endpoint answered " + std::to_string(status));
  if (!answer) return no(oidc_error::unavailable, "the token endpoint's answer is no JSON object");
  oidc_tokens t;
  t.id_token = text_member(*answer, "id_token").value_or("");
  t.access_token = text_member(*answer, "access_token").value_or("");
  const auto type = text_member(*answer, "token_type").value_or("");
  if (t.id_token.empty() || t.access_token.empty() || !equals_ignoring_case(type, "Bearer"))
    return no(oidc_error::token_malformed, "the token endpoint's answer lacks a token");
  return t;
}

oidc_result<std::string> read_callback(const std::map<std::string, std::string>& query,
                                       const oidc_metadata& m, const token_expectation& e) {
  const auto value = [&](const char* name) -> std::string {
    const auto it = query.find(name);
    return it == query.end() ? "" : it->second;
  };
  if (const auto iss = query.find("iss"); iss != query.end()) {
    std::string tenant;
    if (!issuer_matches(iss->second, e, tenant))
      return no(oidc_error::issuer_mismatch, "iss of the callback is another provider's");
  } else if (m.names_itself) {
    return no(oidc_error::issuer_mismatch, "iss is missing, though the provider announces it");
  }
  if (const auto error = value("error"); !error.empty()) {
    if (error == "access_denied") return no(oidc_error::cancelled, "access_denied");
    const bool away = error == "server_error" || error == "temporarily_unavailable";
    return no(away ? oidc_error::unavailable : oidc_error::refused,
              "the provider answered " + word_of(error));
  }
  auto code = value("code");
  if (code.empty() || code.size() > code_bytes_max)
    return no(oidc_error::refused, "the callback carries no code");
  return code;
}

}  // namespace samovar::net
