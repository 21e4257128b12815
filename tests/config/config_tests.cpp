#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <map>

#include "config/command_line.hpp"
#include "config/declarations.hpp"
#include "config/devices.hpp"

using namespace samovar;
using namespace samovar::config;

namespace {

using words = std::vector<std::string>;

environment env_of(std::map<std::string, std::string> values = {}) {
  return [values](const std::string& name) -> std::optional<std::string> {
    const auto it = values.find(name);
    if (it == values.end()) return std::nullopt;
    return it->second;
  };
}

core::outcome<command> parse(const words& w, std::map<std::string, std::string> env = {}) {
  return parse_command_line(w, env_of(std::move(env)), "1.2.3");
}

std::string complaint(const words& w, std::map<std::string, std::string> env = {}) {
  const auto r = parse(w, std::move(env));
  return r.ok() ? "" : r.failure().detail;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(config_tests)

BOOST_AUTO_TEST_CASE(every_setting_has_help_a_default_and_a_way_back) {
  for (const auto& d : declarations()) {
    BOOST_TEST_CONTEXT(d.name()) {
      BOOST_TEST(!d.help.empty());
      settings s;
      BOOST_TEST(d.store(s, d.default_text).ok());
      BOOST_TEST(d.show(s) == d.default_text);
      BOOST_TEST(find_declaration(d.name()) == &d);
      if (d.is_integer) {
        for (const char* value : {"", "x", "1x", "1.5", " 1", "999999999999", "-999999999999",
                                  "99999999999999999999999"}) {
          const auto r = d.store(s, value);
          BOOST_REQUIRE(!r.ok());
          BOOST_TEST(r.failure().detail.starts_with(d.name() + ": "));
        }
      }
    }
  }
}

// The table in the manual is kept by hand; a missing or outdated row is printed ready to paste.
BOOST_AUTO_TEST_CASE(the_manual_has_a_row_for_every_setting) {
  std::ifstream in(std::string(SAMOVAR_SOURCE_DIR) + "/docs/OPERATIONS.md");
  BOOST_REQUIRE(in.good());
  const std::string manual{std::istreambuf_iterator<char>(in), {}};
  for (const auto& d : declarations()) {
    std::string range = d.range;
    if (!range.empty() && !d.unit.empty()) range += " " + d.unit;
    const auto row =
        "| `" + d.name() + "` | " + d.default_text + " | " + range + " | " + d.help + " |";
    BOOST_TEST(manual.find(row + "\n") != std::string::npos, "docs/OPERATIONS.md lacks: " << row);
  }
}

BOOST_AUTO_TEST_CASE(later_sources_win) {
  const auto folder = std::filesystem::temp_directory_path() / "samovar_config_tests";
  std::filesystem::create_directories(folder);
  const auto file = (folder / "s.toml").string();
  std::ofstream(file) << "data_dir = \"/from/file\"\n[http]\nport = 1111\naddress = \"0.0.0.0\"\n"
                         "[model]\nsynthetic_cost_ms = 7\n";
  const auto r = parse({"serve", "--config", file, "--http.port", "3333"},
                       {{"SAMOVAR_HTTP_PORT", "2222"}, {"SAMOVAR_HTTP_ADDRESS", "::1"}});
  BOOST_REQUIRE(r.ok());
  const auto& s = std::get<serve_command>(*r).options;
  BOOST_TEST(s.http.port == 3333);
  BOOST_TEST(s.http.address == "::1");
  BOOST_TEST(s.model.synthetic_cost_ms == 7);
  BOOST_TEST(s.data_dir == "/from/file");
  std::filesystem::remove_all(folder);
}

BOOST_AUTO_TEST_CASE(mistakes_are_named) {
  settings s;
  BOOST_TEST(apply_toml(s, "[http]\nprt = 1\n", "f").failure().detail ==
             "f: http.prt: unknown setting");
  BOOST_TEST(apply_toml(s, "[http]\nport = \"1\"\n", "f").failure().detail ==
             "f: http.port: a whole number is needed");
  BOOST_TEST(apply_toml(s, "[http]\nport = 99999\n", "f").failure().detail ==
             "f: http.port: must be between 0 and 65535, got 99999");
  BOOST_TEST(apply_toml(s, "[http]\naddress = 1\n", "f").failure().detail ==
             "f: http.address: a text in quotes is needed");
  BOOST_TEST(apply_toml(s, "[htp]\n", "f").failure().detail == "f: htp: unknown section");
  BOOST_TEST(!apply_toml(s, "[data_dir]\nx = 1\n", "f").ok());
  BOOST_TEST(!apply_toml(s, "[http.port]\nx = 1\n", "f").ok());
  BOOST_TEST(!apply_toml(s, "[http]\nport = [1]\n", "f").ok());
  BOOST_TEST(!apply_toml(s, "[http]\nport = 1.0\n", "f").ok());
  BOOST_TEST(apply_toml(s, "[http\n", "f").failure().detail.starts_with("f: line 1"));
  BOOST_TEST(complaint({"serve", "--http.port", "x"}).find("http.port") != std::string::npos);
  BOOST_TEST(complaint({"serve", "--http.prt", "1"}).find("--http.prt") != std::string::npos);
  BOOST_TEST(complaint({"serve"}, {{"SAMOVAR_HTTP_PORT", "-1"}}).find("SAMOVAR_HTTP_PORT") !=
             std::string::npos);
  BOOST_TEST(complaint({"serve", "--devices.list", "gpu"}).find("devices.list") !=
             std::string::npos);
  BOOST_TEST(complaint({"serve", "--devices.list", "cuda:0"}).find("need the sam3 segmenter") !=
             std::string::npos);
  BOOST_TEST(complaint({"serve", "--model.segmenter", "sam3"}).find("model.checkpoint") !=
             std::string::npos);
  BOOST_TEST(complaint({"serve", "--config", "/"}).find("can't be read") != std::string::npos);
  BOOST_TEST(complaint({"serve", "--config", "/nowhere.toml"}).find("/nowhere.toml") !=
             std::string::npos);
  BOOST_TEST(!complaint({}).empty());
  BOOST_TEST(!complaint({"sing"}).empty());
  BOOST_TEST(!complaint({"user", "add"}).empty());
}

BOOST_AUTO_TEST_CASE(a_list_of_devices_names_its_workers) {
  const auto names = [](const std::string& list) { return device_names(list).value(); };
  BOOST_TEST(names("cpu") == words{"cpu:0"});
  BOOST_TEST(names("cpu:3") == (words{"cpu:0", "cpu:1", "cpu:2"}));
  BOOST_TEST(names("cuda") == words{"cuda:0"});
  BOOST_TEST(names("cuda:1, cuda:0,cpu:2") == (words{"cuda:1", "cuda:0", "cpu:0", "cpu:1"}));
  BOOST_TEST(cpu_workers(names("cuda:1,cpu:2")) == 2);
  BOOST_TEST(device_names("cuda,cuda:0").failure().detail.find("cuda:0 twice") !=
             std::string::npos);
  settings s;
  BOOST_TEST(apply_toml(s, "[devices]\nlist = [\"cuda:0\", \"cuda:1\"]\n", "f").ok());
  BOOST_TEST(s.devices.list == "cuda:0,cuda:1");
}

BOOST_AUTO_TEST_CASE(settings_that_do_not_go_together_are_refused_by_name) {
  const words sam3{"serve", "--model.segmenter", "sam3", "--model.checkpoint", "/m"};
  const auto with = [&](words more) {
    more.insert(more.begin(), sam3.begin(), sam3.end());
    return parse(more);
  };
  const auto good = with({"--devices.list", "cuda:0,cuda:1", "--model.dtype", "fp16"});
  BOOST_REQUIRE(good.ok());
  const auto& s = std::get<serve_command>(*good).options;
  BOOST_TEST(s.model.checkpoint == "/m");
  BOOST_TEST(s.model.vocabulary.empty());
  BOOST_TEST(s.model.idle_unload_s == 0);
  BOOST_TEST(with({"--model.dtype", "bf16"}).ok());
  const auto half = with({"--model.dtype", "fp16"});
  BOOST_REQUIRE(!half.ok());
  BOOST_TEST(half.failure().detail.starts_with("model.dtype: fp16 needs cuda devices"));
  BOOST_TEST(with({"--model.dtype", "fp16", "--devices.list", "cuda,cpu"}).ok() == false);
  BOOST_TEST(parse({"serve", "--devices.list", "cpu,cuda"}).failure().field == "devices.list");
}

BOOST_AUTO_TEST_CASE(unknown_variables_are_named) {
  BOOST_TEST(refuse_unknown_variables({"HOME", "SAMOVAR_HTTP_PORT", "SAMOVAR_TEST_LONG",
                                       "SAMOVAR_SAM3_GOLDEN", "SAMOVAR_SAM3_VOCABULARY"})
                 .ok());
  BOOST_TEST(!refuse_unknown_variables({"SAMOVAR_SAM3_CHECKPOINT"}).ok());
  const auto r = refuse_unknown_variables({"SAMOVAR_HTTP_PRT"});
  BOOST_REQUIRE(!r.ok());
  BOOST_TEST(r.failure().detail == "environment variable SAMOVAR_HTTP_PRT: unknown setting");
}

BOOST_AUTO_TEST_CASE(every_bad_value_is_refused_with_the_settings_name) {
  const std::map<std::string, words> bad{
      {"http.address", {"", "localhost", "1.2.3.4 "}},
      {"http.port", {"-1", "65536"}},
      {"http.public_url", {"ftp://x", "example.org", "http://a b"}},
      {"http.allow_registration", {"", "yes", "true"}},
      {"http.io_threads", {"0", "65"}},
      {"http.upload_mb_max", {"0", "4097"}},
      {"database.url", {"x", "mysql://h/d"}},
      {"database.owner_url", {"x"}},
      {"database.pool_size", {"1", "31"}},
      {"database.answer_s", {"1", "301"}},
      {"model.segmenter", {"", "Classical", "sam2"}},
      {"model.dtype", {"", "float32", "BF16"}},
      {"model.idle_unload_s", {"-1", "1.5"}},
      {"model.score_min_percent", {"-1", "100"}},
      {"model.overlap_max_percent", {"0", "101"}},
      {"model.area_min_px", {"-1", ""}},
      {"model.synthetic_cost_ms", {"-1", "60001"}},
      {"devices.list",
       {"", "cpu:0", "cpu:100", "cuda:100", "cuda:01", "gpu", "cpu,cpu", "cuda,cuda:0", "cpu,",
        "cpu:60,cuda:-1"}},
      {"devices.slots", {"0", "9"}},
      {"scheduler.lease_timeout_s", {"0", "3601"}},
      {"scheduler.unit_timeout_s", {"0", "86401"}},
      {"shutdown.grace_s", {"-1", "601"}},
      {"log.level", {"", "INFO", "loud"}},
      {"data_dir", {""}}};
  for (const auto& [name, values] : bad)
    for (const auto& value : values) {
      settings s;
      const auto r = find_declaration(name)->store(s, value);
      BOOST_TEST_CONTEXT(name << " = '" << value << "'") {
        BOOST_REQUIRE(!r.ok());
        BOOST_TEST(r.failure().detail.starts_with(name + ": "));
        BOOST_TEST(r.failure().field == name);
      }
    }
}

BOOST_AUTO_TEST_CASE(a_secret_is_never_repeated) {
  const auto said = complaint({"serve", "--database.url", "mysql://u:hunter2@h/db"});
  BOOST_TEST(!said.empty());
  BOOST_TEST(said.find("hunter2") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(dashes_and_underscores_are_the_same) {
  for (const char* flag : {"--model.synthetic-cost-ms", "--model.synthetic_cost_ms"}) {
    const auto r =
        parse({"serve", "--data-dir", "/d", flag, "9", "--model.segmenter", "synthetic"});
    BOOST_REQUIRE(r.ok());
    BOOST_TEST(std::get<serve_command>(*r).options.model.synthetic_cost_ms == 9);
    BOOST_TEST(std::get<serve_command>(*r).options.data_dir == "/d");
  }
}

BOOST_AUTO_TEST_CASE(user_commands) {
  auto r =
      parse({"user", "add", "a@b", "--data-dir", "/d", "--admin", "--password-stdin", "--api-key"});
  BOOST_REQUIRE(r.ok());
  const auto& add = std::get<user_command>(*r);
  BOOST_TEST(
      (add.what == user_command::verb::add && add.admin && add.password_stdin && add.api_key));
  BOOST_TEST(add.email == "a@b");
  BOOST_TEST(add.options.data_dir == "/d");
  r = parse({"user", "list", "--data-dir", "/d"});
  BOOST_REQUIRE(r.ok());
  BOOST_TEST((std::get<user_command>(*r).what == user_command::verb::list));
  r = parse({"user", "invite", "a@b", "--admin", "--http.public_url", "https://s.example",
             "--sign-in.link-s", "600"});
  BOOST_REQUIRE(r.ok());
  const auto& invite = std::get<user_command>(*r);
  BOOST_TEST((invite.what == user_command::verb::invite && invite.admin && !invite.api_key));
  BOOST_TEST(invite.options.http.public_url == "https://s.example");
  BOOST_TEST(invite.options.sign_in.link_s == 600);
  r = parse({"user", "reset", "a@b"});
  BOOST_REQUIRE(r.ok());
  BOOST_TEST((std::get<user_command>(*r).what == user_command::verb::reset));
  BOOST_TEST(!parse({"user", "reset", "a@b", "--admin"}).ok());
  BOOST_TEST(!parse({"user", "list", "--http.port", "1"}).ok());
  r = parse({"user", "disable", "a@b", "--database.url", "postgresql://h/db"});
  BOOST_REQUIRE(r.ok());
  BOOST_TEST(std::get<user_command>(*r).options.database.url == "postgresql://h/db");
}

BOOST_AUTO_TEST_CASE(reconcile_only_looks_unless_told) {
  auto r = parse({"reconcile", "--data-dir", "/d"});
  BOOST_REQUIRE(r.ok());
  BOOST_TEST(!std::get<reconcile_command>(*r).fix);
  BOOST_TEST(std::get<reconcile_command>(*r).options.data_dir == "/d");
  r = parse({"reconcile", "--fix"});
  BOOST_REQUIRE(r.ok());
  BOOST_TEST(std::get<reconcile_command>(*r).fix);
}

BOOST_AUTO_TEST_CASE(commands_about_the_data_as_a_whole) {
  auto r = parse({"import-samui", "--from", "postgresql://h/db", "--blobs", "/", "--user", "a@b",
                  "--data-dir", "/d", "--dry-run", "--requeue"});
  BOOST_REQUIRE(r.ok());
  const auto& i = std::get<import_command>(*r);
  BOOST_TEST((i.from == "postgresql://h/db" && i.blobs == "/" && i.email == "a@b"));
  BOOST_TEST((i.dry_run && i.requeue && !i.allow_missing));
  BOOST_TEST(i.options.data_dir == "/d");
  r = parse({"backup", "f", "--database.url", "postgresql://h/db", "--superuser-url", "x"});
  BOOST_REQUIRE(r.ok());
  BOOST_TEST((std::get<backup_command>(*r).file == "f"));
  BOOST_TEST((std::get<backup_command>(*r).superuser_url == "x"));
  BOOST_TEST(!complaint({"restore", "/nowhere/f"}).empty());
  BOOST_TEST(!complaint({"backup"}).empty());
  BOOST_TEST(!complaint({"import-samui", "--from", "x", "--user", "a@b"}).empty());
  BOOST_TEST(
      !complaint({"import-samui", "--from", "x", "--user", "a@b", "--blobs", "/nowhere"}).empty());
}

BOOST_AUTO_TEST_CASE(segment_command_line) {
  auto r = parse({"segment", "a.jpg", "--box", "1,2,3,4", "--out", "m.png"});
  BOOST_REQUIRE(r.ok());
  BOOST_TEST((std::get<segment_command>(*r).boxes.front() == core::box{1, 2, 3, 4}));
  for (const char* box : {"1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,3,", "", "1.5,2,3,4"})
    BOOST_TEST(!complaint({"segment", "a.jpg", "--box", box, "--out", "m.png"}).empty());
  BOOST_TEST(complaint({"segment", "a.jpg", "--out", "m.png"}).find("--text") != std::string::npos);
  r = parse({"segment", "a.jpg", "--text", "cup", "--out", "m.png", "--model.segmenter", "sam3",
             "--model.checkpoint", "/m"});
  BOOST_REQUIRE(r.ok());
  BOOST_TEST(std::get<segment_command>(*r).text == "cup");
  BOOST_TEST(std::get<segment_command>(*r).options.model.checkpoint == "/m");
  BOOST_TEST(!complaint({"segment", "a.jpg", "--text", "cup", "--out", "m.png", "--model.segmenter",
                         "sam3"})
                  .empty());
}

BOOST_AUTO_TEST_CASE(check_model_takes_one_file) {
  const auto r = parse({"check-model", "sam3.pt"});
  BOOST_REQUIRE(r.ok());
  BOOST_TEST(std::get<check_model_command>(*r).file == "sam3.pt");
  BOOST_TEST(!complaint({"check-model"}).empty());
  BOOST_TEST(!complaint({"check-model", "a", "b"}).empty());
}

BOOST_AUTO_TEST_CASE(help_and_version) {
  BOOST_TEST(std::get<print_command>(*parse({"--version"})).text == "samovar 1.2.3\n");
  const auto all = std::get<print_command>(*parse({"serve", "--help"})).text;
  for (const auto& d : declarations()) BOOST_TEST(all.find("--" + d.name()) != std::string::npos);
  for (const words& w :
       {words{"--help"}, words{"user", "--help"}, words{"user", "add", "--help"},
        words{"segment", "--help"}, words{"migrate", "--help"}, words{"reconcile", "--help"},
        words{"import-samui", "--help"}, words{"backup", "--help"}, words{"restore", "--help"},
        words{"check-model", "--help"}})
    BOOST_TEST(std::get<print_command>(*parse(w)).text.size() > 50u);
}

BOOST_AUTO_TEST_SUITE_END()
