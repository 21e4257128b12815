// Signatures: only the right key with an algorithm of the list is believed.
#include "net/oidc_jose.hpp"

#include <cjose/cjose.h>

#include <boost/test/unit_test.hpp>

#include "net/oidc_text.hpp"

using namespace samovar::net;
using nlohmann::json;

namespace {

using jwk_ptr = std::unique_ptr<cjose_jwk_t, bool (*)(cjose_jwk_t*)>;

jwk_ptr made(cjose_jwk_t* k) {
  BOOST_REQUIRE(k != nullptr);
  return {k, cjose_jwk_release};
}
jwk_ptr new_rsa(std::size_t bits = 2048) {
  static const std::uint8_t e[] = {1, 0, 1};
  return made(cjose_jwk_create_RSA_random(bits, e, sizeof e, nullptr));
}
jwk_ptr new_ec(cjose_jwk_ec_curve curve = CJOSE_JWK_EC_P_256) {
  return made(cjose_jwk_create_EC_random(curve, nullptr));
}

json exported(const cjose_jwk_t* key, const std::string& kid, bool secret = false) {
  char* text = cjose_jwk_to_json(key, secret, nullptr);
  auto out = json::parse(text);
  free(text);
  out["kid"] = kid;
  return out;
}

std::string compact(const json& header, const std::string& payload, const std::string& signature) {
  return base64url(header.dump()) + "." + base64url(payload) + "." + base64url(signature);
}

std::string sign(const cjose_jwk_t* key, const json& header, const std::string& payload) {
  cjose_header_t* h = cjose_header_new(nullptr);
  for (const auto& [name, value] : header.items()) {
    if (value.is_string())
      cjose_header_set(h, name.c_str(), value.get<std::string>().c_str(), nullptr);
    else
      cjose_header_set_raw(h, name.c_str(), value.dump().c_str(), nullptr);
  }
  cjose_jws_t* jws = cjose_jws_sign(key, h, reinterpret_cast<const std::uint8_t*>(payload.data()),
                                    payload.size(), nullptr);
  BOOST_REQUIRE(jws != nullptr);
  const char* text = nullptr;
  BOOST_REQUIRE(cjose_jws_export(jws, &text, nullptr));
  std::string out = text;
  cjose_jws_release(jws);
  cjose_header_release(h);
  return out;
}

/// The word of the refusal, or the payload's "sub".
std::string verdict(const std::string& token, const json& jwks) {
  const auto keys = read_keys(json{{"keys", jwks}}.dump());
  BOOST_REQUIRE(keys.has_value());
  const auto read = read_token(token);
  if (const auto* no = std::get_if<oidc_refusal>(&read))
    return std::string(to_string(no->code)).substr(5);
  const auto claims = verify_token(std::get<signed_token>(read), *keys);
  if (const auto* no = std::get_if<oidc_refusal>(&claims))
    return std::string(to_string(no->code)).substr(5);
  return std::get<json>(claims).at("sub").get<std::string>();
}

const std::string payload = R"({"sub":"ada","iss":"https://id.example.org"})";

struct provider_keys {
  jwk_ptr rsa = new_rsa();
  jwk_ptr ec = new_ec();
  json jwks = json::array({exported(rsa.get(), "r1"), exported(ec.get(), "e1")});
};
/// Making RSA keys is slow; they are only read.
provider_keys& keys() {
  static provider_keys k;
  return k;
}

json head(const char* alg, const char* kid) { return {{"alg", alg}, {"kid", kid}}; }

}  // namespace

BOOST_AUTO_TEST_SUITE(oidc_jose)

BOOST_AUTO_TEST_CASE(the_three_algorithms_are_verified) {
  BOOST_TEST(verdict(sign(keys().rsa.get(), head("RS256", "r1"), payload), keys().jwks) == "ada");
  BOOST_TEST(verdict(sign(keys().rsa.get(), head("PS256", "r1"), payload), keys().jwks) == "ada");
  BOOST_TEST(verdict(sign(keys().ec.get(), head("ES256", "e1"), payload), keys().jwks) == "ada");
  auto typed = head("RS256", "r1");
  typed["typ"] = "JWT";
  BOOST_TEST(verdict(sign(keys().rsa.get(), typed, payload), keys().jwks) == "ada");
}

BOOST_AUTO_TEST_CASE(another_key_of_the_same_name_is_found_out) {
  const auto rsa = new_rsa();
  const auto ec = new_ec();
  BOOST_TEST(verdict(sign(rsa.get(), head("RS256", "r1"), payload), keys().jwks) ==
             "token_signature");
  BOOST_TEST(verdict(sign(ec.get(), head("ES256", "e1"), payload), keys().jwks) ==
             "token_signature");
  // Two keys of one kid: either may have signed.
  auto both = keys().jwks;
  both.push_back(exported(rsa.get(), "r1"));
  BOOST_TEST(verdict(sign(rsa.get(), head("RS256", "r1"), payload), both) == "ada");
  BOOST_TEST(verdict(sign(keys().rsa.get(), head("RS256", "r1"), payload), both) == "ada");
}

BOOST_AUTO_TEST_CASE(every_changed_character_breaks_it) {
  const auto good = sign(keys().ec.get(), head("ES256", "e1"), payload);
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto bad = good;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    BOOST_TEST(verdict(bad, keys().jwks) != "ada", i);
  }
  const auto cut = good.rfind('.');
  BOOST_TEST(verdict(good.substr(0, cut + 1), keys().jwks) == "token_signature");
  BOOST_TEST(verdict(good.substr(0, cut), keys().jwks) == "token_malformed");
  BOOST_TEST(verdict(good + ".", keys().jwks) == "token_malformed");
  BOOST_TEST(verdict(good + "=", keys().jwks) != "ada");
}

BOOST_AUTO_TEST_CASE(none_and_hmac_are_refused_before_any_key_is_looked_at) {
  for (const char* alg : {"none", "None", "NONE", "", "HS256", "HS384", "HS512", "RS384", "RS512",
                          "ES384", "ES512", "PS384", "PS512", "ES256K", "EdDSA", "rs256", "RS256 "})
    for (const char* signature : {"", "x"})
      BOOST_TEST(
          verdict(compact(head(alg, "r1"), payload, signature), keys().jwks) == "token_algorithm",
          alg);
  BOOST_TEST(verdict(compact({{"kid", "r1"}}, payload, ""), keys().jwks) == "token_algorithm");
  BOOST_TEST(verdict(compact({{"alg", 7}, {"kid", "r1"}}, payload, ""), keys().jwks) ==
             "token_algorithm");
  // HS256 with the public key as the secret, in the forms an attacker would try.
  for (const auto& secret : {keys().jwks[0].dump(), keys().jwks[0]["n"].get<std::string>(),
                             base64url_decode(keys().jwks[0]["n"].get<std::string>()).value()}) {
    const auto oct = made(cjose_jwk_create_oct_spec(
        reinterpret_cast<const std::uint8_t*>(secret.data()), secret.size(), nullptr));
    BOOST_TEST(verdict(sign(oct.get(), head("HS256", "r1"), payload), keys().jwks) ==
               "token_algorithm");
    // ... and with the header's alg changed afterwards to one that is allowed.
    auto token = sign(oct.get(), head("HS256", "r1"), payload);
    token = base64url(head("RS256", "r1").dump()) + token.substr(token.find('.'));
    BOOST_TEST(verdict(token, keys().jwks) == "token_signature");
  }
}

BOOST_AUTO_TEST_CASE(keys_do_what_they_are_for) {
  const auto token = sign(keys().rsa.get(), head("RS256", "r1"), payload);
  auto jwk = keys().jwks[0];
  const auto with = [&](const char* name, json value) {
    auto changed = jwk;
    changed[name] = std::move(value);
    return verdict(token, json::array({changed}));
  };
  BOOST_TEST(with("use", "sig") == "ada");
  BOOST_TEST(with("use", "enc") == "token_key_unknown");
  BOOST_TEST(with("use", 7) == "token_key_unknown");
  BOOST_TEST(with("key_ops", {"verify"}) == "ada");
  BOOST_TEST(with("key_ops", {"encrypt"}) == "token_key_unknown");
  BOOST_TEST(with("alg", "RS256") == "ada");
  BOOST_TEST(with("alg", "PS256") == "token_key_unknown");
  BOOST_TEST(with("kid", "r2") == "token_key_unknown");
  BOOST_TEST(with("kty", "oct") == "token_key_unknown");
  BOOST_TEST(with("n", "AQAB") == "token_key_unknown");
  BOOST_TEST(with("n", "***") == "token_key_unknown");
  BOOST_TEST(with("issuer", "https://id.example.org") == "ada");
  BOOST_TEST(with("issuer", "https://other.example.org") == "token_issuer");
  // The algorithm must fit the kind of key.
  BOOST_TEST(verdict(compact(head("ES256", "r1"), payload, std::string(64, 'x')), keys().jwks) ==
             "token_key_unknown");
  BOOST_TEST(verdict(compact(head("RS256", "e1"), payload, std::string(256, 'x')), keys().jwks) ==
             "token_key_unknown");
}

BOOST_AUTO_TEST_CASE(weak_and_foreign_keys_are_left_out) {
  const auto weak = new_rsa(1024);
  const auto p384 = new_ec(CJOSE_JWK_EC_P_384);
  const auto set = json{{"keys",
                         {exported(weak.get(), "w"), exported(p384.get(), "p"), json(7),
                          json{{"kty", "oct"}, {"k", "AAAA"}, {"kid", "o"}},
                          json{{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", "AA"}, {"kid", "d"}},
                          exported(keys().rsa.get(), "r", true)}}}
                       .dump();
  const auto found = read_keys(set);
  BOOST_REQUIRE(found.has_value());
  BOOST_REQUIRE(found->size() == 1u);
  BOOST_TEST((*found)[0].kid == "r");
  // A provider that leaks its private key: it is not kept.
  BOOST_TEST(!json::parse((*found)[0].jwk).contains("d"));
  for (const char* text : {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[],"keys":[]})", "{"})
    BOOST_TEST(!read_keys(text).has_value(), text);
  json many = json::array();
  for (int i = 0; i < 150; ++i) many.push_back(exported(keys().ec.get(), std::to_string(i)));
  BOOST_TEST(read_keys(json{{"keys", many}}.dump())->size() == 100u);
}

BOOST_AUTO_TEST_CASE(headers_bring_no_keys_and_no_surprises) {
  const auto mine = new_rsa();
  auto header = head("RS256", "r1");
  header["jwk"] = exported(mine.get(), "r1");
  header["jku"] = "https://evil.example.org/keys";
  BOOST_TEST(verdict(sign(mine.get(), header, payload), keys().jwks) == "token_signature");
  auto critical = head("RS256", "r1");
  critical["crit"] = {"exp"};
  BOOST_TEST(verdict(compact(critical, payload, "x"), keys().jwks) == "token_malformed");
  auto other = head("RS256", "r1");
  other["typ"] = "at+jwt";
  BOOST_TEST(verdict(compact(other, payload, "x"), keys().jwks) == "token_malformed");
  BOOST_TEST(verdict(compact({{"alg", "RS256"}}, payload, "x"), keys().jwks) ==
             "token_key_unknown");
  const auto raw = [&](const std::string& text) {
    return verdict(base64url(text) + "." + base64url(payload) + ".eA", keys().jwks);
  };
  BOOST_TEST(raw(R"({"alg":"none","alg":"RS256","kid":"r1"})") == "token_malformed");
  BOOST_TEST(raw(R"({"alg":"RS256","kid":"r1"}{})") == "token_malformed");
  BOOST_TEST(raw(R"(["RS256"])") == "token_malformed");
  BOOST_TEST(raw("") == "token_malformed");
  BOOST_TEST(raw(R"({"alg":"RS256","kid":"r1","x":")" + std::string(5000, 'x') + "\"}") ==
             "token_malformed");
  for (const std::string& odd :
       {std::string(), std::string("."), std::string(".."), std::string("a.b.c"),
        std::string(100'000, 'a') + ".b.c", std::string("\xff\xff.\xff.\xff")})
    BOOST_TEST(verdict(odd, keys().jwks) == "token_malformed");
}

BOOST_AUTO_TEST_CASE(claims_must_be_one_clear_object) {
  for (const char* text : {"", "[]", "7", R"({"sub":"a","sub":"b"})", "{\"sub\":\"\xff\"}"})
    BOOST_TEST(verdict(sign(keys().rsa.get(), head("RS256", "r1"), text[0] ? text : " "),
                       keys().jwks) == "token_malformed",
               text);
}

BOOST_AUTO_TEST_SUITE_END()
