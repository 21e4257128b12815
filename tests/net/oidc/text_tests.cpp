// Encodings, addresses, sign-ins under way, and who may come in as whom.
#include "net/oidc_text.hpp"

#include <boost/test/unit_test.hpp>

#include "net/oidc_accounts.hpp"
#include "net/oidc_pending.hpp"

using namespace samovar;
using namespace samovar::net;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(oidc_text)

BOOST_AUTO_TEST_CASE(base64url_both_ways) {
  // RFC 4648, 10.
  const std::pair<const char*, const char*> known[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : known) {
    BOOST_TEST(base64url(plain) == text);
    BOOST_TEST(base64url_decode(text).value() == plain);
  }
  BOOST_TEST(base64("\xfb\xff") == "+/8=");
  BOOST_TEST(base64url("\xfb\xff") == "-_8");
  for (const char* bad : {"Zg=", "Zg==", "Z", "Zh", "Zm9", "Zm+v", "Zm/v", "Zm v", "Zmé"})
    BOOST_TEST(!base64url_decode(bad).has_value(), bad);
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  for (std::size_t n = 0; n < all.size(); ++n)
    BOOST_TEST(base64url_decode(base64url(all.substr(n))).value() == all.substr(n));
}

BOOST_AUTO_TEST_CASE(json_that_can_be_read_two_ways_is_refused) {
  BOOST_TEST(strict_json_object(R"({"a":{"b":1},"c":[{"b":2},{"b":3}],"b":4})").has_value());
  for (const char* bad :
       {"", "7", "[]", "null", "{", "{}x", R"({"a":1,"a":1})", R"({"x":{"a":1,"b":2,"a":3}})",
        R"({"x":[{"a":1,"a":2}]})", R"({"a":1,"\u0061":2})", "{\"a\":\"\xff\"}", "{'a':1}"})
    BOOST_TEST(!strict_json_object(bad).has_value(), bad);
  const auto nested = [](std::size_t n) {
    return "{\"a\":" + std::string(n, '[') + std::string(n, ']') + "}";
  };
  BOOST_TEST(strict_json_object(nested(60)).has_value());
  BOOST_TEST(!strict_json_object(nested(70)).has_value());
  BOOST_TEST(!strict_json_object(nested(100'000)).has_value());
}

BOOST_AUTO_TEST_CASE(only_https_and_this_machine_are_safe) {
  for (const char* good : {"https://id.example.org", "https://id.example.org:8443/a?b=c",
                           "https://[2001:db8::1]/x", "https://localhost"})
    BOOST_TEST(is_safe_endpoint(good, false), good);
  for (const char* local :
       {"http://127.0.0.1:9000/x", "http://localhost", "http://[::1]:80/", "http://127.1.2.3"}) {
    BOOST_TEST(!is_safe_endpoint(local, false), local);
    BOOST_TEST(is_safe_endpoint(local, true), local);
    BOOST_TEST(is_loopback_http(local), local);
  }
  for (const char* bad :
       {"", "http://id.example.org", "http://localhost.example.org", "http://127.0.0.1@evil.org",
        "https://user:word@id.example.org", "https://id.example.org/#x", "ftp://127.0.0.1",
        "file:///etc/passwd", "//id.example.org", "id.example.org", "https://",
        "http://127.evil.org", "javascript:alert(1)", "https://a b.org", "https://a.org/\nb",
        "https://a.org\\@127.0.0.1", "http://127.0.0.1.example.org"})
    BOOST_TEST(!is_safe_endpoint(bad, true), bad);
}

BOOST_AUTO_TEST_CASE(return_paths_stay_on_this_site) {
  for (const char* good : {"/", "/account", "/images/1?x=y#z", "/#/account"})
    BOOST_TEST(safe_return_path(good) == good);
  BOOST_TEST(safe_return_path("/a b\"é") == "/a%20b%22%C3%A9");
  for (const char* bad :
       {"", "account", "//evil.org", "/\\evil.org", "\\\\evil.org", "/a\\b", "https://evil.org",
        "/\t/evil.org", "/a\r\nSet-Cookie: x", "/api/v1/x", "javascript:alert(1)"})
    BOOST_TEST(safe_return_path(bad) == "/", bad);
  BOOST_TEST(safe_return_path("/" + std::string(600, 'a')) == "/");
}

BOOST_AUTO_TEST_CASE(parameters_are_encoded) {
  std::string out = "https://x/?";
  append_parameter(out, "a b", "c&d=é+");
  append_parameter(out, "e", "");
  BOOST_TEST(out == "https://x/?a%20b=c%26d%3D%C3%A9%2B&e=");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(oidc_pending)

namespace {
pending_sign_in of(const std::string& browser, const std::string& address = "10.0.0.1") {
  pending_sign_in p;
  p.binding = browser;
  p.address = address;
  p.nonce = "n-" + browser;
  return p;
}
const pending_sign_ins::time start{1h};
}  // namespace

BOOST_AUTO_TEST_CASE(a_state_is_good_once_for_its_browser_and_a_while) {
  pending_sign_ins all;
  all.add("s1", of("b1"), start);
  BOOST_TEST(!all.take("s2", "b1", start).has_value());
  BOOST_TEST(!all.take("s1", "b2", start).has_value());  // another browser: stays for its own
  BOOST_TEST(!all.take("s1", "", start).has_value());
  BOOST_TEST(all.knows_browser("b1", start));
  BOOST_TEST(all.take("s1", "b1", start)->nonce == "n-b1");
  BOOST_TEST(!all.take("s1", "b1", start).has_value());  // replayed
  BOOST_TEST(!all.knows_browser("b1", start));
  all.add("s3", of("b1"), start);
  BOOST_TEST(!all.take("s3", "b1", start + 10min).has_value());
  all.add("s4", of("b1"), start);
  BOOST_TEST(all.take("s4", "b1", start + 10min - 1s).has_value());
  BOOST_TEST(all.size() == 0u);
}

BOOST_AUTO_TEST_CASE(memory_is_bounded_and_one_address_pushes_out_only_its_own) {
  pending_sign_ins all(10, 3);
  all.add("mine", of("me", "10.0.0.9"), start);
  for (int i = 0; i < 100; ++i)
    all.add("flood" + std::to_string(i), of("x", "10.0.0.1"), start + i * 1ms);
  BOOST_TEST(all.size() == 4u);
  BOOST_TEST(!all.take("flood96", "x", start + 1s).has_value());
  BOOST_TEST(all.take("flood97", "x", start + 1s).has_value());
  BOOST_TEST(all.take("mine", "me", start + 1s).has_value());
  for (int i = 0; i < 100; ++i)
    all.add("many" + std::to_string(i), of("x", std::to_string(i)), start + 2s);
  BOOST_TEST(all.size() == 10u);
  BOOST_TEST(all.take("many99", "x", start + 2s).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(oidc_accounts)

namespace {

const core::user_id known{*core::parse_uuid("00000000-0000-0000-0000-000000000001")};
const core::user_id local{*core::parse_uuid("00000000-0000-0000-0000-000000000002")};

oidc_person ada() {
  oidc_person p;
  p.issuer = "https://id.example.org";
  p.subject = "1";
  p.email = "ada@example.org";
  p.email_verified = true;
  return p;
}

/// "sign_in", "create", "adopt", or the refusal's word.
std::string verdict(const oidc_person& p, const account_facts& f, const oidc_settings& s) {
  const auto d = decide(p, f, s);
  if (const auto* no = std::get_if<oidc_refusal>(&d))
    return std::string(to_string(no->code)).substr(5);
  if (const auto* in = std::get_if<sign_in_as>(&d)) {
    BOOST_TEST((in->user == known));
    return "sign_in";
  }
  if (const auto* adopted = std::get_if<adopt_account>(&d)) {
    BOOST_TEST((adopted->user == local));
    return "adopt";
  }
  return "create";
}

account_facts known_identity(bool disabled = false) {
  account_facts f;
  f.identity = core::identity_owner{{}, known, disabled};
  return f;
}
account_facts same_address(bool disabled = false) {
  account_facts f;
  f.account = account_facts::same_address{local, disabled};
  return f;
}

}  // namespace

BOOST_AUTO_TEST_CASE(known_people_sign_in_whatever_their_address) {
  oidc_settings s;
  s.create_users = false;
  auto p = ada();
  BOOST_TEST(verdict(p, known_identity(), s) == "sign_in");
  BOOST_TEST(verdict(p, known_identity(true), s) == "account_disabled");
  p.email_verified = false;
  BOOST_TEST(verdict(p, known_identity(), s) == "sign_in");
  p.email.reset();
  BOOST_TEST(verdict(p, known_identity(), s) == "sign_in");
}

BOOST_AUTO_TEST_CASE(new_people_need_a_verified_address) {
  oidc_settings s;
  auto p = ada();
  BOOST_TEST(verdict(p, {}, s) == "create");
  p.email_verified = false;
  BOOST_TEST(verdict(p, {}, s) == "email_unverified");
  s.trust_email = true;
  BOOST_TEST(verdict(p, {}, s) == "create");
  p.email.reset();
  BOOST_TEST(verdict(p, {}, s) == "email_missing");
  s.create_users = false;
  BOOST_TEST(verdict(ada(), {}, s) == "no_account");
}

BOOST_AUTO_TEST_CASE(an_existing_account_is_not_taken_over) {
  oidc_settings s;
  auto p = ada();
  BOOST_TEST(verdict(p, same_address(), s) == "account_exists");
  s.trust_email = true;
  BOOST_TEST(verdict(p, same_address(), s) == "account_exists");
  s.link_verified_email = true;
  BOOST_TEST(verdict(p, same_address(), s) == "adopt");
  BOOST_TEST(verdict(p, same_address(true), s) == "account_disabled");
  s.create_users = false;
  BOOST_TEST(verdict(p, same_address(), s) == "adopt");
  BOOST_TEST(verdict(p, {}, s) == "no_account");
  // Believed is not verified: nobody gets another's account by typing an address at the provider.
  p.email_verified = false;
  BOOST_TEST(verdict(p, same_address(), s) == "no_account");
  s.create_users = true;
  BOOST_TEST(verdict(p, same_address(), s) == "account_exists");
}

BOOST_AUTO_TEST_CASE(allowed_domains_hold_for_everybody) {
  oidc_settings s;
  s.allowed_domains = {"example.org", "example.com"};
  auto p = ada();
  BOOST_TEST(verdict(p, {}, s) == "create");
  BOOST_TEST(verdict(p, known_identity(), s) == "sign_in");
  for (const char* other : {"ada@evil.org", "ada@sub.example.org", "ada@example.org.evil.org",
                            "ada@notexample.org", "example.org@evil.org"}) {
    p.email = other;
    BOOST_TEST(verdict(p, {}, s) == "domain_not_allowed", other);
    BOOST_TEST(verdict(p, known_identity(), s) == "domain_not_allowed", other);
  }
  p = ada();
  p.email_verified = false;
  BOOST_TEST(verdict(p, known_identity(), s) == "email_unverified");
  p.email.reset();
  BOOST_TEST(verdict(p, known_identity(), s) == "email_missing");
}

BOOST_AUTO_TEST_SUITE_END()
