// Identities of an OpenID provider in the real database: uniqueness, races, roles by group.
#include <thread>

#include "cluster_fixture.hpp"
#include "storage/identity_repository.hpp"

using namespace samovar;
using namespace samovar::tests;
using core::error_code;

namespace {

struct identities_fixture {
  const std::string from = "198.51.100.7";
  storage::pool& pool = *cluster().db.connections;
  storage::account_repository accounts{pool};
  storage::identity_repository identities{pool};

  static core::identity make(core::user_id owner, const std::string& subject) {
    core::identity i;
    i.id = fresh<core::identity_id>();
    i.owner = owner;
    i.issuer = "https://id.example.org";
    i.subject = subject;
    i.email = "somebody@example.org";
    return i;
  }
  static std::string unique() { return core::to_string(fresh_uuid()); }
  core::role role_of(core::user_id u) { return accounts.find_user(u)->rights; }
  std::string superuser(const std::string& sql) {
    pqxx::connection c{cluster().db.embedded->superuser_conninfo()};
    pqxx::work t{c};
    const auto rows = t.exec(sql);
    t.commit();
    return rows.empty() ? "" : rows[0][0].c_str();
  }
  /// How many lines of the user's audit log don't say that it came from `from`.
  std::string from_nowhere(core::user_id u) {
    return superuser("select count(*) from audit_log where user_id = '" + core::to_string(u) +
                     "' and action <> 'user_created' and address is distinct from '" + from + "'");
  }
  std::string audited(core::user_id u) {
    return superuser("select string_agg(action, ' ' order by id) from audit_log where user_id = '" +
                     core::to_string(u) + "'");
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(identities, identities_fixture)

BOOST_AUTO_TEST_CASE(a_user_and_the_first_identity_come_together) {
  const auto subject = unique();
  const auto i = make(fresh<core::user_id>(), subject);
  BOOST_TEST(!identities.find_identity(i.issuer, subject).has_value());
  BOOST_REQUIRE(
      identities.create_user_with_identity(i, subject + "@example.org", "Ada", from).ok());
  const auto found = identities.find_identity(i.issuer, subject);
  BOOST_REQUIRE(found.has_value());
  BOOST_TEST((found->user == i.owner && found->identity == i.id));
  BOOST_TEST(!found->disabled);
  BOOST_TEST(!identities.find_identity("https://other.example.org", subject).has_value());
  const auto user = accounts.find_user(i.owner).value();
  BOOST_TEST(user.display_name == "Ada");
  BOOST_TEST((user.rights == core::role::user));
  BOOST_TEST(!accounts.find_login(user.email)->password_hash.has_value());
  BOOST_TEST(audited(i.owner) == "user_created identity_linked");
  BOOST_TEST(superuser("select count(*) from audit_log where user_id = '" +
                       core::to_string(i.owner) + "' and address = '" + from + "'") == "2");
  BOOST_REQUIRE(accounts.set_disabled(i.owner, true).ok());
  BOOST_TEST(identities.find_identity(i.issuer, subject)->disabled);
}

BOOST_AUTO_TEST_CASE(nothing_is_left_behind_when_the_address_or_the_identity_exists) {
  const auto subject = unique();
  const auto local = make_user();
  const auto address = accounts.find_user(local)->email;
  auto i = make(fresh<core::user_id>(), subject);
  const auto taken = identities.create_user_with_identity(i, address, "Ada", from);
  BOOST_REQUIRE(!taken.ok());
  BOOST_TEST((taken.failure().code == error_code::email_taken));
  BOOST_TEST(!identities.find_identity(i.issuer, subject).has_value());
  BOOST_REQUIRE(
      identities.create_user_with_identity(i, subject + "@example.org", "Ada", from).ok());
  auto again = make(fresh<core::user_id>(), subject);
  const auto second =
      identities.create_user_with_identity(again, "x" + subject + "@example.org", "Ada", from);
  BOOST_REQUIRE(!second.ok());
  BOOST_TEST((second.failure().code == error_code::conflict));
  BOOST_TEST(!accounts.find_user(again.owner).has_value());
}

BOOST_AUTO_TEST_CASE(many_first_sign_ins_at_once_make_one_user) {
  const auto subject = unique();
  std::atomic<int> made{0}, refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      const auto s = identities.create_user_with_identity(make(fresh<core::user_id>(), subject),
                                                          subject + "@example.org", "Ada", from);
      ++(s.ok() ? made : refused);
    });
  for (auto& t : threads) t.join();
  BOOST_TEST(made == 1);
  BOOST_TEST(refused == 7);
  BOOST_TEST(superuser("select count(*) from users where email = '" + subject + "@example.org'") ==
             "1");
}

BOOST_AUTO_TEST_CASE(an_identity_belongs_to_one_user) {
  const auto a = make_user(), b = make_user();
  const auto subject = unique();
  BOOST_TEST(identities.link_identity(make(a, subject), from).ok());
  BOOST_TEST(identities.link_identity(make(a, subject), from).ok());  // again: nothing changes
  const auto other = identities.link_identity(make(b, subject), from);
  BOOST_REQUIRE(!other.ok());
  BOOST_TEST((other.failure().code == error_code::conflict));
  BOOST_TEST((identities.find_identity("https://id.example.org", subject)->user == a));
  BOOST_REQUIRE(identities.list_identities(a).size() == 1u);
  BOOST_TEST(identities.list_identities(b).empty());
  const auto held = identities.list_identities(a)[0];
  BOOST_TEST(held.subject == subject);
  identities.note_sign_in(held.id, "new@example.org");
  BOOST_TEST(identities.list_identities(a)[0].email.value() == "new@example.org");
  identities.note_sign_in(held.id, std::nullopt);
  BOOST_TEST(identities.list_identities(a)[0].email.value() == "new@example.org");
}

BOOST_AUTO_TEST_CASE(the_last_way_in_stays) {
  using removal = core::identity_removal;
  const auto user = make_user(), other = make_user();  // without passwords
  const auto first = make(user, unique()), second = make(user, unique());
  BOOST_REQUIRE(identities.link_identity(first, from).ok());
  BOOST_REQUIRE(identities.link_identity(second, from).ok());
  BOOST_TEST((identities.remove_identity(other, first.id, from) == removal::absent));
  BOOST_TEST((identities.remove_identity(user, first.id, from) == removal::removed));
  BOOST_TEST((identities.remove_identity(user, first.id, from) == removal::absent));
  BOOST_TEST((identities.remove_identity(user, second.id, from) == removal::only_way_in));
  BOOST_TEST(identities.list_identities(user).size() == 1u);
  BOOST_REQUIRE(accounts.set_password_hash(user, "some hash", std::nullopt, {user, from}).ok());
  BOOST_TEST((identities.remove_identity(user, second.id, from) == removal::removed));
  BOOST_TEST(identities.list_identities(user).empty());
  BOOST_TEST(audited(user).ends_with("identity_unlinked"));
  BOOST_TEST(from_nowhere(user) == "0");
}

BOOST_AUTO_TEST_CASE(two_removals_at_once_leave_one) {
  const auto user = make_user();
  const auto first = make(user, unique()), second = make(user, unique());
  BOOST_REQUIRE(identities.link_identity(first, from).ok());
  BOOST_REQUIRE(identities.link_identity(second, from).ok());
  std::thread one([&] { identities.remove_identity(user, first.id, from); });
  std::thread two([&] { identities.remove_identity(user, second.id, from); });
  one.join();
  two.join();
  BOOST_TEST(identities.list_identities(user).size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_group_takes_only_what_it_gave) {
  const auto user = make_user();
  BOOST_TEST(!identities.apply_admin_group(user, false, from));
  BOOST_TEST(identities.apply_admin_group(user, true, from));
  BOOST_TEST(audited(user).ends_with("user_changed"));
  BOOST_TEST(from_nowhere(user) == "0");
  BOOST_TEST((role_of(user) == core::role::admin));
  BOOST_TEST(!identities.apply_admin_group(user, true, from));
  BOOST_TEST(identities.apply_admin_group(user, false, from));
  BOOST_TEST((role_of(user) == core::role::user));

  core::user_changes to_admin, to_user;
  to_admin.rights = core::role::admin;
  to_user.rights = core::role::user;
  BOOST_REQUIRE(accounts.change_user(user, to_admin).ok());
  BOOST_TEST(!identities.apply_admin_group(user, true, from));
  BOOST_TEST(
      !identities.apply_admin_group(user, false, from));  // an administrator's decision stands
  BOOST_TEST((role_of(user) == core::role::admin));

  // Given by the group, taken and given back by an administrator: the administrator's.
  BOOST_REQUIRE(accounts.change_user(user, to_user).ok());
  BOOST_TEST(identities.apply_admin_group(user, true, from));
  BOOST_REQUIRE(accounts.change_user(user, to_user).ok());
  BOOST_REQUIRE(accounts.change_user(user, to_admin).ok());
  BOOST_TEST(!identities.apply_admin_group(user, false, from));
  BOOST_TEST((role_of(user) == core::role::admin));
}

BOOST_AUTO_TEST_CASE(a_deleted_user_takes_the_identities_along) {
  const auto user = make_user();
  const auto i = make(user, unique());
  BOOST_REQUIRE(identities.link_identity(i, from).ok());
  BOOST_REQUIRE(accounts.delete_user(user).ok());
  BOOST_TEST(!identities.find_identity(i.issuer, i.subject).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
