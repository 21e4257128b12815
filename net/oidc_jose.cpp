#include "net/oidc_jose.hpp"

#include <cjose/cjose.h>

#include <algorithm>

#include "net/oidc_text.hpp"
#include "net/text.hpp"

namespace samovar::net {

namespace {

using nlohmann::json;

constexpr std::size_t token_bytes_max = 64 * 1024;
constexpr std::size_t header_chars_max = 4 * 1024;
constexpr std::size_t keys_max = 100;
constexpr std::size_t kid_bytes_max = 512;
constexpr std::size_t rsa_bytes_min = 2048 / 8;
constexpr std::size_t rsa_bytes_max = 16'384 / 8;
constexpr std::size_t p256_bytes = 32;

struct release {
  void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
  void operator()(cjose_jws_t* jws) const { cjose_jws_release(jws); }
};

oidc_refusal no(oidc_error code, std::string why) { return {code, std::move(why)}; }

std::string_view kty_of(std::string_view alg) {
  if (alg == "RS256" || alg == "PS256") return "RSA";
  if (alg == "ES256") return "EC";
  return {};
}

std::string text_or_empty(const json& object, const char* name) {
  return text_member(object, name).value_or("");
}

/// Decoded length, 0 when it is not base64url.
std::size_t bytes_of(const json& jwk, const char* name) {
  const auto bytes = base64url_decode(text_or_empty(jwk, name));
  return bytes ? bytes->size() : 0;
}

/// The public members; empty when the key is of no use here.
json public_part(const json& jwk, const std::string& kty) {
  if (kty == "RSA") {
    const auto n = bytes_of(jwk, "n");
    if (n < rsa_bytes_min || n > rsa_bytes_max || bytes_of(jwk, "e") == 0) return {};
    return {{"kty", kty}, {"n", jwk["n"]}, {"e", jwk["e"]}};
  }
  if (kty == "EC" && text_or_empty(jwk, "crv") == "P-256" && bytes_of(jwk, "x") == p256_bytes &&
      bytes_of(jwk, "y") == p256_bytes)
    return {{"kty", kty}, {"crv", "P-256"}, {"x", jwk["x"]}, {"y", jwk["y"]}};
  return {};
}

std::optional<oidc_key> read_key(const json& jwk) {
  if (!jwk.is_object()) return std::nullopt;
  oidc_key k;
  k.kid = text_or_empty(jwk, "kid");
  k.kty = text_or_empty(jwk, "kty");
  k.alg = text_or_empty(jwk, "alg");
  k.issuer = text_or_empty(jwk, "issuer");
  if (k.kid.empty() || k.kid.size() > kid_bytes_max) return std::nullopt;
  if (jwk.contains("use") && text_or_empty(jwk, "use") != "sig") return std::nullopt;
  if (const auto ops = jwk.find("key_ops"); ops != jwk.end()) {
    if (!ops->is_array() || std::find(ops->begin(), ops->end(), "verify") == ops->end())
      return std::nullopt;
  }
  const auto shown = public_part(jwk, k.kty);
  if (!shown.is_object()) return std::nullopt;
  k.jwk = shown.dump();
  return k;
}

/// Entra ID: a key of one tenant signs no other tenant's tokens.
bool may_sign_for(const oidc_key& k, const json& claims) {
  if (k.issuer.empty()) return true;
  token_expectation key;
  key.issuer = k.issuer;
  key.any_tenant = true;
  std::string tenant;
  return issuer_matches(text_or_empty(claims, "iss"), key, tenant);
}

/// The payload when the signature is this key's.
std::optional<std::string> payload_of(const signed_token& token, const oidc_key& key) {
  const std::unique_ptr<cjose_jwk_t, release> jwk(
      cjose_jwk_import(key.jwk.data(), key.jwk.size(), nullptr));
  const std::unique_ptr<cjose_jws_t, release> jws(
      cjose_jws_import(token.compact.data(), token.compact.size(), nullptr));
  if (!jwk || !jws || !cjose_jws_verify(jws.get(), jwk.get(), nullptr)) return std::nullopt;
  std::uint8_t* data = nullptr;
  std::size_t size = 0;
  if (!cjose_jws_get_plaintext(jws.get(), &data, &size, nullptr)) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(data), size);
}

}  // namespace

std::optional<oidc_keys> read_keys(std::string_view text) {
  const auto set = strict_json_object(text);
  if (!set || !set->contains("keys") || !(*set)["keys"].is_array()) return std::nullopt;
  oidc_keys keys;
  for (const auto& jwk : (*set)["keys"]) {
    if (keys.size() == keys_max) break;
    if (auto k = read_key(jwk)) keys.push_back(std::move(*k));
  }
  return keys;
}

oidc_result<signed_token> read_token(std::string_view compact) {
  const auto dot = compact.find('.');
  const bool three = std::count(compact.begin(), compact.end(), '.') == 2;
  if (!three || compact.size() > token_bytes_max || dot > header_chars_max)
    return no(oidc_error::token_malformed, "not a compact JWS");
  // cjose forgives padding; a token has one spelling only.
  const auto end = compact.rfind('.');
  const bool clean = base64url_decode(compact.substr(dot + 1, end - dot - 1)).has_value() &&
                     base64url_decode(compact.substr(end + 1)).has_value();
  if (!clean) return no(oidc_error::token_malformed, "a part is not base64url");
  const auto bytes = base64url_decode(compact.substr(0, dot));
  const auto header = bytes ? strict_json_object(*bytes) : std::nullopt;
  if (!header) return no(oidc_error::token_malformed, "the header is no JSON object");
  signed_token t;
  t.alg = text_or_empty(*header, "alg");
  if (kty_of(t.alg).empty())
    return no(oidc_error::token_algorithm, "alg is not one of RS256, ES256, PS256");
  if (header->contains("crit")) return no(oidc_error::token_malformed, "crit is not supported");
  const auto typ = header->find("typ");
  if (typ != header->end() &&
      !(typ->is_string() && equals_ignoring_case(typ->get<std::string>(), "JWT")))
    return no(oidc_error::token_malformed, "typ is not JWT");
  t.kid = text_or_empty(*header, "kid");
  if (t.kid.empty()) return no(oidc_error::token_key_unknown, "kid is missing");
  t.compact = compact;
  return t;
}

oidc_result<json> verify_token(const signed_token& token, const oidc_keys& keys) {
  bool known = false;
  for (const auto& key : keys) {
    const bool fits = key.kid == token.kid && key.kty == kty_of(token.alg) &&
                      (key.alg.empty() || key.alg == token.alg);
    if (!fits) continue;
    known = true;
    const auto payload = payload_of(token, key);
    if (!payload) continue;
    auto claims = strict_json_object(*payload);
    if (!claims) return no(oidc_error::token_malformed, "the claims are no JSON object");
    if (!may_sign_for(key, *claims))
      return no(oidc_error::token_issuer, "the key signs another issuer's tokens");
    return std::move(*claims);
  }
  if (!known) return no(oidc_error::token_key_unknown, "no key fits the token's kid and alg");
  return no(oidc_error::token_signature, "the signature is not the key's");
}

}  // namespace samovar::net
