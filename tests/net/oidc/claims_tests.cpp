// Every rule about an ID token's claims, one broken at a time.
#include "net/oidc_claims.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>

#include "net/oidc_text.hpp"

using namespace samovar::net;
using nlohmann::json;

namespace {

constexpr double now_s = 1'800'000'000;
constexpr const char* tenant = "0a1b2c3d-0000-1111-2222-333344445555";

token_expectation expected() {
  token_expectation e;
  e.issuer = "https://id.example.org/realm";
  e.client_id = "samovar";
  e.nonce = "the-nonce";
  e.access_token = "the-access-token";
  e.now_unix_s = now_s;
  return e;
}

json good() {
  return {{"iss", "https://id.example.org/realm"},
          {"sub", "248289761001"},
          {"aud", "samovar"},
          {"exp", now_s + 300},
          {"iat", now_s - 5},
          {"nonce", "the-nonce"}};
}

std::string verdict(const json& claims, const token_expectation& e = expected()) {
  const auto wrong = check_claims(claims, e);
  if (!wrong) return "ok";
  BOOST_TEST(!wrong->why.empty());
  for (const auto& [name, value] : claims.items())  // the log never shows a claim
    if (value.is_string() && value.get_ref<const std::string&>().size() > 4)
      BOOST_TEST(wrong->why.find(value.get_ref<const std::string&>()) == std::string::npos);
  return std::string(to_string(wrong->code)).substr(5);
}

std::string with(const char* name, json value) {
  auto claims = good();
  claims[name] = std::move(value);
  return verdict(claims);
}

std::string without(const char* name) {
  auto claims = good();
  claims.erase(name);
  return verdict(claims);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(oidc_claims)

BOOST_AUTO_TEST_CASE(the_good_one_is_believed) { BOOST_TEST(verdict(good()) == "ok"); }

BOOST_AUTO_TEST_CASE(required_claims_are_required_and_of_the_right_type) {
  for (const char* name : {"iss", "sub", "aud", "exp", "iat"})
    BOOST_TEST(without(name) == "token_malformed", name);
  BOOST_TEST(without("nonce") == "token_nonce");
  for (const char* name : {"iss", "sub", "exp", "iat", "nbf"})
    for (const json& odd : {json(nullptr), json(true), json::array(), json::object(), json(-1)})
      BOOST_TEST(with(name, odd) == "token_malformed", name << " = " << odd.dump());
  for (const json& odd : {json(nullptr), json(7), json::object(), json::array({1})})
    BOOST_TEST(with("aud", odd) == "token_malformed", odd.dump());
  for (const char* name : {"exp", "iat", "nbf"}) {
    BOOST_TEST(with(name, "1800000000") == "token_malformed", name);
    BOOST_TEST(with(name, 1e300) == "token_malformed", name);
    BOOST_TEST(with(name, std::numeric_limits<double>::infinity()) == "token_malformed", name);
  }
}

BOOST_AUTO_TEST_CASE(the_subject_is_short_printable_text) {
  BOOST_TEST(with("sub", "") == "token_malformed");
  BOOST_TEST(with("sub", std::string(255, 'a')) == "ok");
  BOOST_TEST(with("sub", std::string(256, 'a')) == "token_malformed");
  BOOST_TEST(with("sub", std::string("a\0b", 3)) == "token_malformed");
  BOOST_TEST(with("sub", "a\nb") == "token_malformed");
  BOOST_TEST(with("sub", "ä") == "token_malformed");
}

BOOST_AUTO_TEST_CASE(the_issuer_is_compared_exactly) {
  for (const char* other :
       {"https://id.example.org/realm/", "https://id.example.org", "http://id.example.org/realm",
        "https://ID.example.org/realm", "https://id.example.org/realm\n", "", "https://evil.org"})
    BOOST_TEST(with("iss", other) == "token_issuer", other);
}

BOOST_AUTO_TEST_CASE(the_audience_names_this_client) {
  BOOST_TEST(with("aud", "other") == "token_audience");
  BOOST_TEST(with("aud", "samovar2") == "token_audience");
  BOOST_TEST(with("aud", json::array()) == "token_audience");
  BOOST_TEST(with("aud", json::array({"samovar"})) == "ok");
  BOOST_TEST(with("aud", json::array({"other"})) == "token_audience");
  BOOST_TEST(with("aud", json::array({"other", "samovar"})) == "token_audience");  // no azp
  auto several = good();
  several["aud"] = json::array({"other", "samovar"});
  several["azp"] = "samovar";
  BOOST_TEST(verdict(several) == "ok");
  several["azp"] = "other";
  BOOST_TEST(verdict(several) == "token_audience");
  BOOST_TEST(with("azp", "samovar") == "ok");
  BOOST_TEST(with("azp", "other") == "token_audience");
  BOOST_TEST(with("azp", nullptr) == "token_audience");
}

BOOST_AUTO_TEST_CASE(times_are_checked_with_a_minute_of_tolerance) {
  BOOST_TEST(with("exp", now_s - 59) == "ok");
  BOOST_TEST(with("exp", now_s - 59.5) == "ok");
  BOOST_TEST(with("exp", now_s - 60) == "token_expired");
  BOOST_TEST(with("exp", 0) == "token_expired");
  BOOST_TEST(with("iat", now_s + 60) == "ok");
  BOOST_TEST(with("iat", now_s + 61) == "token_not_yet_valid");
  BOOST_TEST(with("nbf", now_s + 60) == "ok");
  BOOST_TEST(with("nbf", now_s + 61) == "token_not_yet_valid");
  BOOST_TEST(with("nbf", now_s - 1000) == "ok");
}

BOOST_AUTO_TEST_CASE(the_nonce_binds_the_token_to_the_sign_in) {
  for (const char* other : {"", "the-nonc", "the-nonce2", "The-nonce"})
    BOOST_TEST(with("nonce", other) == "token_nonce", other);
  auto e = expected();
  e.nonce.clear();
  auto claims = good();
  claims["nonce"] = "";
  BOOST_TEST(verdict(claims, e) == "token_nonce");  // two empty ones are no match
}

BOOST_AUTO_TEST_CASE(at_hash_is_the_access_tokens) {
  const auto right = base64url(sha256_of("the-access-token").substr(0, 16));
  BOOST_TEST(with("at_hash", right) == "ok");
  BOOST_TEST(with("at_hash", right + "A") == "token_hash");
  BOOST_TEST(with("at_hash", base64url(sha256_of("another").substr(0, 16))) == "token_hash");
  BOOST_TEST(with("at_hash", base64url(sha256_of("the-access-token"))) == "token_hash");
  BOOST_TEST(with("at_hash", 7) == "token_hash");
  // OpenID Connect Core 1.0, A.3: an example worked out by others.
  BOOST_TEST(base64url(sha256_of("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y").substr(0, 16)) ==
             "77QmUPtjPfzWtF2AnpK9RQ");
}

BOOST_AUTO_TEST_CASE(tenants_only_where_the_pattern_says_so) {
  auto e = expected();
  e.issuer = "https://login.example.com/{tenantid}/v2.0";
  e.tenants = {tenant};
  auto claims = good();
  const auto of = [](const std::string& t) { return "https://login.example.com/" + t + "/v2.0"; };
  claims["iss"] = of(tenant);
  claims["tid"] = tenant;
  BOOST_TEST(verdict(claims, e) == "ok");
  claims["tid"] = "9a1b2c3d-0000-1111-2222-333344445555";
  BOOST_TEST(verdict(claims, e) == "token_issuer");  // tid and iss must agree
  claims.erase("tid");
  BOOST_TEST(verdict(claims, e) == "token_issuer");
  const std::string stranger = "9a1b2c3d-0000-1111-2222-333344445555";
  claims["iss"] = of(stranger);
  claims["tid"] = stranger;
  BOOST_TEST(verdict(claims, e) == "token_issuer");
  e.any_tenant = true;
  BOOST_TEST(verdict(claims, e) == "ok");
  for (const std::string& odd : {of("{tenantid}"), of("common"), of(""), of(stranger + "/x"),
                                 of("9a1b2c3d-0000-1111-2222-33334444555/")}) {
    claims["iss"] = odd;
    BOOST_TEST(verdict(claims, e) == "token_issuer", odd);
  }
  claims["iss"] = of(tenant);
  claims["tid"] = tenant;
  BOOST_TEST(verdict(claims, expected()) == "token_issuer");  // no pattern configured
}

BOOST_AUTO_TEST_CASE(a_person_is_read) {
  oidc_settings s;
  auto claims = good();
  claims["email"] = " Ada@Example.ORG";
  claims["email_verified"] = true;
  claims["name"] = "Ada\n Lovelace";
  auto p = read_person(claims, s);
  BOOST_TEST(p.email.value() == "ada@example.org");
  BOOST_TEST(p.email_verified);
  BOOST_TEST(p.name == "Ada Lovelace");
  BOOST_TEST(!p.admin.has_value());
  for (const json& no : {json(false), json("false"), json(1), json(nullptr), json("yes")}) {
    claims["email_verified"] = no;
    BOOST_TEST(!read_person(claims, s).email_verified, no.dump());
  }
  claims["email_verified"] = "true";
  BOOST_TEST(read_person(claims, s).email_verified);
  claims["email"] = "no address";
  p = read_person(claims, s);
  BOOST_TEST(!p.email.has_value());
  BOOST_TEST(!p.email_verified);
  claims["name"] = std::string(300, 'x');
  BOOST_TEST(read_person(claims, s).name.size() == 100u);
  claims["name"] = "  ";
  claims["preferred_username"] = "ada";
  BOOST_TEST(read_person(claims, s).name == "ada");
}

BOOST_AUTO_TEST_CASE(groups_make_administrators) {
  oidc_settings s;
  s.admin_group = "samovar-admins";
  const auto admin = [&](json groups) {
    auto claims = good();
    claims["groups"] = std::move(groups);
    return read_person(claims, s).admin;
  };
  BOOST_TEST(admin(json::array({"a", "samovar-admins"})).value());
  BOOST_TEST(admin("samovar-admins").value());
  BOOST_TEST(!admin(json::array({"Samovar-admins", 7, nullptr})).value());
  BOOST_TEST(!admin("samovar-admins-of-old").value());
  BOOST_TEST(!admin(json::object()).value());
  BOOST_TEST(!read_person(good(), s).admin.value());  // no claim: not a member
  auto overage = good();
  overage["_claim_names"] = {{"groups", "src1"}};
  BOOST_TEST(!read_person(overage, s).admin.has_value());  // not said: nothing changes
  s.groups_claim = "realm_access.roles";
  auto nested = good();
  nested["realm_access"] = {{"roles", {"samovar-admins"}}};
  BOOST_TEST(read_person(nested, s).admin.value());
  nested["realm_access"] = "samovar-admins";
  BOOST_TEST(!read_person(nested, s).admin.value());
  s.groups_claim = "https://example.org/groups";  // a name with dots is a name first
  auto named = good();
  named["https://example.org/groups"] = {"samovar-admins"};
  BOOST_TEST(read_person(named, s).admin.value());
}

BOOST_AUTO_TEST_CASE(userinfo_adds_what_is_missing_and_nothing_else) {
  oidc_settings s;
  auto claims = good();
  BOOST_TEST(wants_userinfo(claims, s));
  claims["email_verified"] = true;  // says nothing about UserInfo's address
  const json info = {{"sub", "x"},
                     {"email", "ada@example.org"},
                     {"email_verified", false},
                     {"aud", "everybody"},
                     {"name", "Ada"},
                     {"groups", {"g"}},
                     {"iss", "https://evil"}};
  add_userinfo(claims, info, s);
  BOOST_TEST(claims["email"] == "ada@example.org");
  BOOST_TEST(claims["email_verified"] == false);
  BOOST_TEST(claims["sub"] == good()["sub"]);
  BOOST_TEST(claims["aud"] == "samovar");
  BOOST_TEST(claims["iss"] == good()["iss"]);
  BOOST_TEST(!wants_userinfo(claims, s));
  auto signed_address = good();
  signed_address["email"] = "signed@example.org";
  add_userinfo(signed_address, {{"email", "x@example.org"}, {"email_verified", true}}, s);
  BOOST_TEST(signed_address["email"] == "signed@example.org");
  BOOST_TEST(!signed_address.contains("email_verified"));
  s.admin_group = "g";
  BOOST_TEST(wants_userinfo(signed_address, s));
  signed_address["_claim_names"] = {{"groups", "src1"}};
  BOOST_TEST(!wants_userinfo(signed_address, s));
}

BOOST_AUTO_TEST_SUITE_END()
