#include "storage/superuser.hpp"

#include <libpq-fe.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>

#include "storage/child_process.hpp"

namespace samovar::storage {

namespace fs = std::filesystem;

namespace {

/// The newest installed one: it understands every older server.
fs::path find_tool(const std::string& name) {
  std::vector<std::pair<int, fs::path>> found;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ec)) {
    const auto program = entry.path() / "bin" / name;
    if (::access(program.c_str(), X_OK) == 0)
      found.emplace_back(std::atoi(entry.path().filename().c_str()), program);
  }
  if (!found.empty()) return std::max_element(found.begin(), found.end())->second;
  for (const char* folder : {"/usr/local/bin", "/usr/bin"})
    if (const auto program = fs::path{folder} / name; ::access(program.c_str(), X_OK) == 0)
      return program;
  throw cluster_error(name + " was not found: install the package `postgresql-client`");
}

std::vector<std::string> connection_environment(const std::string& conninfo) {
  static const std::map<std::string, std::string> variables = {{"host", "PGHOST"},
                                                               {"hostaddr", "PGHOSTADDR"},
                                                               {"port", "PGPORT"},
                                                               {"dbname", "PGDATABASE"},
                                                               {"user", "PGUSER"},
                                                               {"password", "PGPASSWORD"},
                                                               {"sslmode", "PGSSLMODE"},
                                                               {"sslcert", "PGSSLCERT"},
                                                               {"sslkey", "PGSSLKEY"},
                                                               {"passfile", "PGPASSFILE"},
                                                               {"sslrootcert", "PGSSLROOTCERT"}};
  std::vector<std::string> out;
  for (const auto& [key, name] : variables)
    if (const char* value = std::getenv(name.c_str())) out.push_back(name + "=" + value);
  if (const char* home = std::getenv("HOME")) out.push_back(std::string{"HOME="} + home);
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options{
      PQconninfoParse(conninfo.c_str(), nullptr), &PQconninfoFree};
  if (!options) throw cluster_error("the database's URL can't be understood");
  for (const auto* o = options.get(); o->keyword != nullptr; ++o) {
    const auto at = variables.find(o->keyword);
    if (o->val == nullptr || at == variables.end()) continue;
    std::erase_if(out, [&](const auto& v) { return v.starts_with(at->second + "="); });
    out.push_back(at->second + "=" + o->val);
  }
  return out;
}

void refuse_bound_role(const std::string& conninfo) {
  connection c{conninfo};
  if (!c.exec("select rolsuper or rolbypassrls from pg_roles where rolname = current_user")[0][0]
           .as<bool>())
    throw cluster_error(
        "row-level security binds the role of --superuser-url: a superuser is needed, or a role "
        "with BYPASSRLS that may read every table");
}

}  // namespace

superuser_database open_as_superuser(const database_options& options,
                                     const std::string& superuser_url) {
  superuser_database d;
  if (!options.url.empty()) {
    if (superuser_url.empty())
      throw cluster_error(
          "with database.url this needs --superuser-url: the same database as a role that sees "
          "every row");
    refuse_bound_role(superuser_url);
    d.conninfo = superuser_url;
    return d;
  }
  if (!fs::exists(options.data_dir / "pg" / "PG_VERSION") &&
      !fs::exists(options.data_dir / "pg.location"))
    throw cluster_error("there is no database in " + options.data_dir.string());
  if (!embedded_postgres::in_use(options.data_dir))
    d.embedded = std::make_unique<embedded_postgres>(options.data_dir);
  d.conninfo = conninfo_for(locate_cluster(options.data_dir), "postgres");
  return d;
}

pid_t start_postgres_tool(const std::string& name, std::vector<std::string> arguments,
                          const std::string& conninfo, const fs::path& log) {
  child_options o;
  o.argv.push_back(find_tool(name).string());
  for (auto& a : arguments) o.argv.push_back(std::move(a));
  o.environment = connection_environment(conninfo);
  o.log = log;
  o.death_signal = SIGTERM;
  return start_child(o);
}

std::string last_line_of(const fs::path& log) {
  std::ifstream in{log};
  std::string line, last;
  while (std::getline(in, line))
    if (!line.empty()) last = line;
  return last;
}

}  // namespace samovar::storage
