// What exists in the database and what samovar_app may do with it, against lists written here: a
// table, view, sequence, function, policy or grant that is new fails by its name until it is
// listed (and, where it acts for a user, covered). isolation_pgtests.cpp tries the rows.
#include <algorithm>
#include <functional>
#include <map>
#include <pqxx/pqxx>

#include "cluster_fixture.hpp"
#include "grants_lists.hpp"

using namespace samovar;
using namespace samovar::tests;

namespace {

using complaints = std::vector<std::string>;

// ---- What is there ---------------------------------------------------------------------------

/// "select", or "select(a,b)" where only columns are granted, or nothing.
std::string privilege_sql(const std::string& name) {
  const auto p = "'" + name + "'";
  return "case when has_table_privilege('samovar_app', c.oid, " + p + ") then " + p +
         " else (select " + p + " || '(' || string_agg(attname, ',' order by attname) || ')' " +
         "from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped " +
         "and has_column_privilege('samovar_app', c.oid, attnum, " + p + ") having count(*) > 0) " +
         "end";
}
std::string whole_privilege_sql(const std::string& function, const std::string& name) {
  return "case when " + function + "('samovar_app', c.oid, '" + name + "') then '" + name + "' end";
}

/// Relations against app_may, both ways.
complaints wrong_relations(pqxx::transaction_base& t) {
  const auto tables =
      privilege_sql("select") + "," + privilege_sql("insert") + "," + privilege_sql("update") +
      "," + whole_privilege_sql("has_table_privilege", "delete") + "," +
      whole_privilege_sql("has_table_privilege", "truncate") + "," + privilege_sql("references") +
      "," + whole_privilege_sql("has_table_privilege", "trigger");
  const auto sequences = whole_privilege_sql("has_sequence_privilege", "usage") + "," +
                         whole_privilege_sql("has_sequence_privilege", "select") + "," +
                         whole_privilege_sql("has_sequence_privilege", "update");
  auto rest = app_may;
  complaints out;
  for (const auto& row : t.exec("select c.relname, c.relkind = 'S', case when c.relkind = 'S' "
                                "then concat_ws(' '," +
                                sequences + ") else concat_ws(' '," + tables +
                                ") end from pg_class c where c.relkind not in ('i', 'I', 't', 'c') "
                                "and c.relnamespace = 'public'::regnamespace order by 1")) {
    const std::string name = row[0].c_str(), may = row[2].c_str();
    const auto listed = rest.find(name);
    if (listed == rest.end())
      out.push_back(name + " is not listed; samovar_app may: " + may);
    else if (listed->second != may)
      out.push_back(name + ": samovar_app may \"" + may + "\", listed: \"" + listed->second + "\"");
    rest.erase(name);
  }
  for (const auto& [name, may] : rest) out.push_back(name + " is listed and does not exist");
  for (const auto& row : t.exec("select nspname from pg_namespace where nspname <> 'public' "
                                "and nspname !~ '^pg_' and nspname <> 'information_schema'"))
    out.push_back(std::string{"schema "} + row[0].c_str() + " is not listed");
  return out;
}

/// Functions against their list, both ways, and what a SECURITY DEFINER one must be.
complaints wrong_functions(pqxx::transaction_base& t) {
  auto rest = functions;
  complaints out;
  for (const auto& row :
       t.exec("select p.oid::regprocedure, p.prosecdef, pg_get_userbyid(p.proowner), "
              "coalesce(array_to_string(p.proconfig, ';'), ''), "
              "has_function_privilege('public', p.oid, 'EXECUTE') "
              "from pg_proc p where p.pronamespace = 'public'::regnamespace order by 1")) {
    const std::string name = row[0].c_str(), owner = row[2].c_str(), settings = row[3].c_str();
    const bool definer = row[1].as<bool>(), everybody = row[4].as<bool>();
    const auto listed = rest.find(name);
    if (listed == rest.end())
      out.push_back(name + " is not listed");
    else if (definer != (listed->second != reach::invoker))
      out.push_back(name + (definer ? " is" : " is not") + " SECURITY DEFINER, against its class");
    rest.erase(name);
    if (!definer) {
      if (owner != "samovar_owner") out.push_back(name + " belongs to " + owner);
      continue;
    }
    if (owner != "samovar_definer") out.push_back(name + " belongs to " + owner);
    if (settings != "search_path=public, pg_temp") out.push_back(name + " has " + settings);
    if (everybody) out.push_back(name + " may be executed by PUBLIC");
  }
  for (const auto& [name, whose] : rest) out.push_back(name + " is listed and does not exist");
  return out;
}

/// Policies: samovar_app only by app_user(), samovar_definer, nobody else. Every table with a user
/// has both kinds of cover: forced row security, and policies for what samovar_app may do.
complaints wrong_policies(pqxx::transaction_base& t) {
  complaints out;
  for (const auto& row :
       t.exec("select tablename || '.' || policyname, array_to_string(roles, ','), permissive, "
              "coalesce(qual, ''), coalesce(with_check, ''), cmd from pg_policies "
              "where schemaname = 'public'")) {
    const std::string name = row[0].c_str(), roles = row[1].c_str(), qual = row[3].c_str(),
                      check = row[4].c_str(), command = row[5].c_str();
    if (roles == "samovar_definer" || name.starts_with("schema_migrations.")) continue;
    if (roles != "samovar_app") out.push_back(name + " is for " + roles);
    const auto by_user = [](const std::string& text) {
      return text.find("app_user()") != std::string::npos;
    };
    if (command != "INSERT" && !by_user(qual)) out.push_back(name + ": using (" + qual + ")");
    if (command != "SELECT" && command != "DELETE" && !by_user(check))
      out.push_back(name + ": with check (" + check + ")");
  }
  for (const auto& row : t.exec("select relname from pg_class c where relkind in ('r', 'p') "
                                "and relnamespace = 'public'::regnamespace and not (relrowsecurity "
                                "and relforcerowsecurity)"))
    out.push_back(std::string{row[0].c_str()} + " has no forced row security");
  return out;
}

/// A foreign key between rows of users carries the user along, so that nobody can name another's.
complaints wrong_foreign_keys(pqxx::transaction_base& t) {
  complaints out;
  for (const auto& row :
       t.exec("select k.conname from pg_constraint k where k.contype = 'f' "
              "and k.connamespace = 'public'::regnamespace and k.confrelid <> 'users'::regclass "
              "and not exists (select from pg_attribute a join pg_attribute b "
              "on b.attrelid = k.confrelid and b.attname = 'user_id' "
              "where a.attrelid = k.conrelid and a.attname = 'user_id' "
              "and a.attnum = any (k.conkey) and b.attnum = any (k.confkey))"))
    out.push_back(std::string{row[0].c_str()} + " does not carry user_id");
  return out;
}

// ---- Covers ----------------------------------------------------------------------------------

struct two_people {
  core::user_id a = make_user(), b = make_user();
  core::image_id image_of_a = add_image(a).id;
  pqxx::connection super{cluster().db.embedded->superuser_conninfo()};
  pqxx::work t{super};

  /// One value, as samovar_app with the setting.
  static std::string ask(const std::optional<std::string>& setting, const std::string& sql) {
    pqxx::connection c{cluster().db.app_conninfo};
    pqxx::work w{c};
    if (setting)
      w.exec("select set_config('app.current_user_id', " + w.quote(*setting) + ", true)");
    const auto rows = w.exec(sql);
    std::string said = rows.empty() ? "no row" : rows[0][0].is_null() ? "null" : rows[0][0].c_str();
    w.commit();
    return said;
  }
  std::string count(const std::string& sql) {
    return t.exec("select count(*) from " + sql)[0][0].c_str();
  }
};

std::string quoted(const core::uuid& id) { return "'" + core::to_string(id) + "'"; }

const std::vector<std::optional<std::string>> strangers = {
    std::nullopt, "", "garbage", "' or true --", "00000000-0000-0000-0000-000000000000"};

/// B, and nobody in several ways.
std::vector<std::optional<std::string>> others(const two_people& p) {
  auto all = strangers;
  all.push_back(core::to_string(p.b));
  return all;
}

void cover_app_user(two_people& p) {
  const auto right = core::to_string(p.a);
  std::vector<std::optional<std::string>> wrong(strangers.begin(), strangers.end() - 1);
  // Almost right: a hyphen, a letter, a bracket, a letter of two bytes, too long, too short.
  for (const char* part : {"-", "g", "{", "é"}) wrong.push_back(part + right.substr(1));
  for (const auto& text : {right + "0", right.substr(1), right + "\n", " " + right})
    wrong.push_back(text);
  for (const auto& setting : wrong)
    BOOST_TEST(two_people::ask(setting, "select app_user()") == "null");
  BOOST_TEST(two_people::ask(core::to_string(p.a), "select app_user()") == core::to_string(p.a));
}

void cover_add_image(two_people& p) {
  const auto call = "select add_image(gen_random_uuid(), " + quoted(p.a.value) +
                    ", 'f', 'p', 't', 1, 's', 1, 1, null, now())";
  for (const auto& setting : others(p)) BOOST_TEST(two_people::ask(setting, call) == "user");
  BOOST_TEST(p.count("images where user_id = " + quoted(p.a.value)) == "1");
  BOOST_TEST(two_people::ask(core::to_string(p.a), call) == "ok");
}

void cover_remove_image(two_people& p) {
  const auto image = quoted(p.image_of_a.value);
  for (const auto& setting : others(p))
    for (const auto& owner : {p.a, p.b})
      BOOST_TEST(two_people::ask(setting, "select remove_image(" + image + ", " +
                                              quoted(owner.value) + ")") == "f");
  BOOST_TEST(p.count("images where id = " + image) == "1");
  BOOST_TEST(two_people::ask(core::to_string(p.a), "select remove_image(" + image + ", " +
                                                       quoted(p.a.value) + ")") == "t");
}

void cover_covering(two_people& p) {
  storage::postgres_job_log log{cluster().db.app_conninfo};
  log.begin_epoch();
  auto job = job_for(p.a, {p.image_of_a});
  job.force_all = true;
  BOOST_REQUIRE(commit_one(log, job).ok());
  const auto call = "select image_id from definer_covering(array[" + quoted(p.image_of_a.value) +
                    "::uuid], array['inside_box'])";
  for (const auto& setting : others(p)) BOOST_TEST(two_people::ask(setting, call) == "no row");
  BOOST_TEST(two_people::ask(core::to_string(p.a), call) == core::to_string(p.image_of_a));
}

void cover_import_image(two_people& p) {
  const auto call = "select import_image(gen_random_uuid(), " + quoted(p.a.value) +
                    ", 'f', 'p', 't', 1, 's', 1, 1, null, now())";
  const auto before = p.count("images");
  for (const auto& setting : others(p))
    BOOST_CHECK_THROW(two_people::ask(setting, call), pqxx::sql_error);
  BOOST_TEST(p.count("images") == before);
  BOOST_TEST(two_people::ask(core::to_string(p.a), call) == "t");
}

void cover_import_job(two_people& p) {
  const auto call = "select definer_import_job(gen_random_uuid(), 'inside_box', 'failed', array[" +
                    quoted(p.image_of_a.value) +
                    "::uuid], array['f'], 0, 0, '{}', 'w', now(), null, now())";
  for (const auto& setting : others(p))
    BOOST_CHECK_THROW(two_people::ask(setting, call), pqxx::sql_error);
  BOOST_TEST(p.count("processing_jobs where user_id = " + quoted(p.b.value)) == "0");
  BOOST_TEST(two_people::ask(core::to_string(p.a), call) == "t");
}

void cover_trigger(const std::string& name) {
  for (const auto& setting : strangers)
    BOOST_CHECK_THROW(two_people::ask(setting, "select " + name + "()"), pqxx::sql_error);
}

/// Of every function that acts for a user, by its name up to the bracket.
const std::map<std::string, std::function<void(two_people&)>> covers = {
    {"app_user", cover_app_user},
    {"add_image", cover_add_image},
    {"remove_image", cover_remove_image},
    {"definer_covering", cover_covering},
    {"import_image", cover_import_image},
    {"definer_import_job", cover_import_job},
    {"tell_servers", [](two_people&) { cover_trigger("tell_servers"); }},
    {"role_was_decided_here", [](two_people&) { cover_trigger("role_was_decided_here"); }},
};

bool names(const complaints& found, const std::string& text) {
  return std::any_of(found.begin(), found.end(),
                     [&](const auto& c) { return c.find(text) != std::string::npos; });
}

void tell(const complaints& found) {
  for (const auto& c : found) BOOST_ERROR(c);
  BOOST_TEST(found.empty());
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(grants, two_people)

BOOST_AUTO_TEST_CASE(samovar_app_may_what_is_listed) { tell(wrong_relations(t)); }

BOOST_AUTO_TEST_CASE(functions_are_those_listed) { tell(wrong_functions(t)); }

BOOST_AUTO_TEST_CASE(policies_ask_for_the_acting_user) { tell(wrong_policies(t)); }

BOOST_AUTO_TEST_CASE(foreign_keys_carry_the_user) { tell(wrong_foreign_keys(t)); }

BOOST_AUTO_TEST_CASE(functions_for_a_user_give_others_nothing) {
  std::size_t covered = 0;
  for (const auto& [signature, whose] : functions) {
    if (whose == reach::across_users) continue;
    BOOST_TEST_CONTEXT(signature) {
      const auto cover = covers.find(signature.substr(0, signature.find('(')));
      BOOST_REQUIRE(cover != covers.end());
      cover->second(*this);
      ++covered;
    }
  }
  BOOST_TEST(covered == covers.size());
}

BOOST_AUTO_TEST_CASE(roles_lead_nowhere) {
  const auto memberships = t.exec(
      "select pg_get_userbyid(member) || ' of ' || pg_get_userbyid(roleid) from pg_auth_members "
      "where pg_get_userbyid(member) like 'samovar%'");
  BOOST_REQUIRE_EQUAL(memberships.size(), 1u);
  BOOST_TEST(memberships[0][0].c_str() == std::string{"samovar_owner of samovar_definer"});
  const auto makes = t.exec(
      "select has_schema_privilege('samovar_app', 'public', 'CREATE') "
      "or has_database_privilege('samovar_app', current_database(), 'CREATE')");
  BOOST_TEST(!makes[0][0].as<bool>());
}

// The finders above find: each kind of slip, made in a transaction that is rolled back.
BOOST_AUTO_TEST_CASE(what_is_not_listed_is_named) {
  t.exec(
      "create table stray (id integer primary key, user_id uuid, image_id uuid references images)");
  t.exec("create view stray_view as select 1");
  t.exec("create sequence stray_sequence");
  t.exec("create function stray_function() returns integer language sql as 'select 1'");
  t.exec(
      "create function definer_stray() returns integer language sql security definer as "
      "'select 1'");
  t.exec("alter function definer_count_users() set search_path = public");
  t.exec("grant execute on function definer_list_users() to public");
  t.exec("grant update (role) on users to samovar_app");
  t.exec("grant truncate on images to samovar_app");
  t.exec("create policy generous on images to samovar_app using (true)");
  const auto relations = wrong_relations(t), made = wrong_functions(t),
             policies = wrong_policies(t), keys = wrong_foreign_keys(t);
  for (const char* name :
       {"stray is not", "stray_view is not", "stray_sequence is not", "users: ", "images: "})
    BOOST_TEST(names(relations, name), name);
  for (const char* name :
       {"stray_function() is not", "definer_stray() is not", "definer_stray() belongs to postgres",
        "definer_stray() may be executed", "definer_count_users() has", "definer_list_users() may"})
    BOOST_TEST(names(made, name), name);
  BOOST_TEST(names(policies, "images.generous"));
  BOOST_TEST(names(policies, "stray has no forced"));
  BOOST_TEST(names(keys, "stray_image_id_fkey"));
}

BOOST_AUTO_TEST_SUITE_END()
