#include "storage/secrets_sodium.hpp"

#include <boost/test/unit_test.hpp>

using samovar::storage::sodium_secrets;

BOOST_AUTO_TEST_SUITE(secrets)

BOOST_AUTO_TEST_CASE(passwords_verify_and_hashes_are_salted) {
  const sodium_secrets s;
  const auto hash = s.hash_password("correct horse");
  BOOST_TEST(hash.starts_with("$argon2id$"));
  BOOST_TEST(s.verify_password(hash, "correct horse"));
  BOOST_TEST(!s.verify_password(hash, "correct horsf"));
  BOOST_TEST(!s.verify_password("", ""));
  BOOST_TEST(!s.verify_password(std::string(1000, 'x'), "x"));
  BOOST_TEST(s.hash_password("correct horse") != hash);
  s.waste_verification("anything");
}

BOOST_AUTO_TEST_CASE(tokens_and_digests_have_their_shapes) {
  const sodium_secrets s;
  const auto token = s.random_token();
  BOOST_TEST(token.size() == 43u);
  BOOST_TEST(token != s.random_token());
  BOOST_TEST(token.find_first_of("+/=") == std::string::npos);
  const auto digest = s.sha256("abc");  // FIPS 180-2, appendix B.1
  BOOST_TEST(digest.size() == 32u);
  BOOST_TEST(digest.substr(0, 4) == "\xba\x78\x16\xbf");
}

BOOST_AUTO_TEST_SUITE_END()
