// What keeping users apart costs.
//
// 1. Row-level security: every list query as samovar_app under its policies (with the statement
//    that sets the acting user, as the server sends it) against the very same text, explicit filter
//    included, as a login with BYPASSRLS. The two alternate in one run; medians and quartiles of
//    the time that passes, and of the time the database's process is on a processor.
// 2. An API key's check from the cache, in process.
//
// access_bench [--users N] [--images N] [--rounds N] [--plan-cache-mode MODE] [--json FILE]
//              [--data-dir DIR]
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/access/crowd.hpp"
#include "net/authentication.hpp"
#include "net/worker_pool.hpp"
#include "storage/repositories.hpp"
#include "storage/secrets_sodium.hpp"

namespace {

using namespace samovar;
using nlohmann::json;
using steady = std::chrono::steady_clock;

struct options {
  int users = 100;
  int images = 10'000;
  int rounds = 400;
  std::string plan_cache_mode;  ///< empty: as the server's connections have it
  std::string json_file;
  std::string data_dir;  ///< kept and used again; empty: a temporary one
};

struct query {
  std::string name;
  std::string call;  ///< execute …
};

struct spread {
  double low, median, high;  ///< quartiles, µs
};

spread spread_of(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  const auto at = [&](double q) { return v[static_cast<std::size_t>(q * (v.size() - 1))]; };
  return {at(0.25), at(0.5), at(0.75)};
}

json json_of(const spread& s) { return {{"low", s.low}, {"median", s.median}, {"high", s.high}}; }

/// Runs each list once through the repositories, so that the connection has prepared what the
/// program really sends.
void prepare_lists(storage::pool& pool, const bench::crowd& of) {
  storage::image_repository images{pool};
  storage::annotation_repository annotations{pool};
  storage::job_repository jobs{pool};
  storage::result_repository results{pool};
  core::page_request newest, oldest;
  newest.limit = oldest.limit = 50;
  oldest.oldest_first = true;
  for (const auto& p : {newest, oldest}) {
    core::image_query q;
    q.paging = p;
    images.list_images(of.user, q);
    annotations.list_boxes(of.user, of.image, {}, p);
    annotations.list_points(of.user, of.image, p);
    jobs.list_jobs(of.user, {}, p);
    jobs.list_jobs(of.user, core::job_status::completed, p);
    results.list_results(of.user, {}, p);
    results.list_results(of.user, of.image, p);
  }
}

std::vector<query> queries(const bench::crowd& of) {
  const auto u = "'" + core::to_string(of.user) + "'", i = "'" + core::to_string(of.image) + "'";
  const std::string newest = "'infinity','ffffffff-ffff-ffff-ffff-ffffffffffff',51",
                    oldest = "'-infinity','00000000-0000-0000-0000-000000000000',51";
  std::vector<query> all;
  for (const bool old : {false, true}) {
    const auto& page = old ? oldest : newest;
    const auto add = [&](const std::string& what, const std::string& list,
                         const std::string& arguments) {
      all.push_back({what + (old ? ", oldest first" : ""),
                     "execute " + list + (old ? "_oldest(" : "_newest(") + arguments + ")"});
    };
    add("GET /images", "image_list", u + "," + page + ",null");
    add("GET /images?search=", "image_list", u + "," + page + ",'%photo-77%'");
    add("GET /annotations/{image_id}", "box_list", i + "," + u + "," + page + ",null");
    add("GET /point-annotations/{image_id}", "point_list", i + "," + u + "," + page);
    add("GET /jobs", "job_list", u + "," + page);
    add("GET /jobs?status=", "job_list_status", u + "," + page + ",'completed'");
    add("GET /images/history", "result_list", u + "," + page);
    add("GET /images/{id}/history", "result_list_image", u + "," + page + "," + i);
  }
  return all;
}

std::string plan_of(storage::connection& c, const std::string& prefix, const query& q) {
  std::string text;
  for (const auto& row : c.exec(prefix + "explain (analyze, buffers) " + q.call))
    text += std::string{row[0].c_str()} + "\n";
  return text;
}

struct cost {
  double elapsed_us = 0;
  double cpu_us = 0;  ///< of the database's process: other programs' work doesn't blur it
};

/// Time the process has been on a processor (Linux, /proc/PID/schedstat), µs.
double on_cpu_us(int pid) {
  double ns = 0;
  if (!(std::ifstream("/proc/" + std::to_string(pid) + "/schedstat") >> ns))
    throw std::runtime_error("no /proc/PID/schedstat");
  return ns / 1e3;
}

class side {
 public:
  side(storage::connection& c, std::string prefix)
      : c_(c), prefix_(std::move(prefix)), pid_(c.raw().backendpid()) {}

  cost run(const query& q) {
    const auto sql = prefix_ + q.call;
    const auto cpu = on_cpu_us(pid_);
    const auto from = steady::now();
    const auto rows = c_.exec(sql);
    if (rows.empty()) throw std::runtime_error("a list gave nothing: " + sql);
    const std::chrono::duration<double, std::micro> elapsed = steady::now() - from;
    return {elapsed.count(), on_cpu_us(pid_) - cpu};
  }
  void note(const query& q) {
    const auto c = run(q);
    elapsed_.push_back(c.elapsed_us);
    cpu_.push_back(c.cpu_us);
  }
  spread elapsed() const { return spread_of(elapsed_); }
  spread cpu() const { return spread_of(cpu_); }
  std::string plan(const query& q) { return plan_of(c_, prefix_, q); }

 private:
  storage::connection& c_;
  std::string prefix_;
  int pid_;
  std::vector<double> elapsed_, cpu_;
};

json compare(side with, side without, const query& q, int rounds) {
  // Both settle on their plan first, as connections that live for days have.
  for (int i = 0; i < 12; ++i) {
    with.run(q);
    without.run(q);
  }
  // By turns, in runs: what another process left in the processor's caches is not the list's price.
  constexpr int run = 20;
  for (int i = 0; i < rounds; i += run) {
    for (auto* s : {&with, &without}) {
      for (int j = 0; j < 3; ++j) s->run(q);
      for (int j = 0; j < run; ++j) s->note(q);
    }
  }
  const auto percent = [](const spread& a, const spread& b) {
    return 100.0 * (a.median / b.median - 1.0);
  };
  const auto w = with.elapsed(), p = without.elapsed(), wc = with.cpu(), pc = without.cpu();
  std::printf("%-42s %6.0f [%6.0f..%6.0f] %6.0f [%6.0f..%6.0f] %+6.1f %%  %6.0f %6.0f %+6.1f %%\n",
              q.name.c_str(), w.median, w.low, w.high, p.median, p.low, p.high, percent(w, p),
              wc.median, pc.median, percent(wc, pc));
  std::fflush(stdout);
  return {{"query", q.name},
          {"statement", q.call},
          {"with_us", json_of(w)},
          {"without_us", json_of(p)},
          {"overhead_percent", percent(w, p)},
          {"with_cpu_us", json_of(wc)},
          {"without_cpu_us", json_of(pc)},
          {"overhead_cpu_percent", percent(wc, pc)},
          {"plan_with", with.plan(q)},
          {"plan_without", without.plan(q)}};
}

json row_security(storage::database& db, const options& o) {
  const auto of = bench::find_or_fill(db, o.users, o.images);
  storage::pool pool{db.app_conninfo, 1, std::chrono::milliseconds(1000)};
  prepare_lists(pool, of);
  auto guarded = pool.take();
  storage::connection plain{bench::bypassing_login(db)};
  for (const auto& row : guarded->exec("select statement from pg_prepared_statements"))
    plain.exec(row[0].c_str());
  if (!o.plan_cache_mode.empty())
    for (auto* c : {&*guarded, &plain}) c->exec("set plan_cache_mode = " + o.plan_cache_mode);
  const auto set_user = storage::set_user_text(of.user) + ";";
  std::printf("%-42s %23s %23s %9s  %13s\n", "µs: median [quartiles]", "row-level security",
              "without", "elapsed", "database CPU");
  json out = json::array();
  for (const auto& q : queries(of))
    out.push_back(compare({*guarded, set_user}, {plain, ""}, q, o.rounds));
  return out;
}

/// Nanoseconds of one check, the request's header values given.
json key_check(storage::database& db) {
  storage::sodium_secrets secrets;
  storage::account_repository accounts{*db.connections};
  core::new_user u;
  u.id.value = core::make_uuid_v7(1, secrets.random_u64(), secrets.random_u64());
  u.email = core::to_string(u.id) + "@crowd.example";
  const auto secret = "smv_" + secrets.random_token();
  core::api_key k;
  k.id.value = core::make_uuid_v7(2, secrets.random_u64(), secrets.random_u64());
  k.owner = u.id;
  if (!accounts.create_user(u).ok() || !accounts.create_api_key(k, secrets.sha256(secret)).ok())
    throw std::runtime_error("no key could be made");
  net::worker_pool pool{2, 100};
  net::authentication auth{accounts, secrets, pool};
  const auto header = "Bearer " + secret;
  constexpr int batch = 100;
  std::vector<double> times;
  std::size_t misses = 0;
  const auto end = steady::now() + std::chrono::seconds(3);
  while (steady::now() < end) {
    const auto from = steady::now();
    for (int i = 0; i < batch; ++i) {
      const auto c = net::find_credential(header, {}, {});
      if (auth.find_fresh(c, steady::now())) continue;
      ++misses;
      std::promise<void> done;
      auth.verify(c, [&](auto) { done.set_value(); });
      done.get_future().wait();
    }
    times.push_back(std::chrono::duration<double, std::nano>(steady::now() - from).count() / batch);
  }
  pool.stop();
  const auto s = spread_of(times);
  std::printf("an API key from the cache: %.0f ns [%.0f..%.0f], %zu look-ups in 3 s\n", s.median,
              s.low, s.high, misses);
  return {{"ns", json_of(s)}, {"misses", misses}};
}

/// This process and the database it starts share one processor: otherwise a list's time depends on
/// which of them woke up where, by more than the price that is looked for.
void stay_on_one_processor() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(::sched_getcpu(), &one);
  if (::sched_setaffinity(0, sizeof one, &one) != 0)
    throw std::runtime_error("the bench could not be bound to one processor");
}

options read_options(int argc, char** argv) {
  options o;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--users")
      o.users = std::stoi(value);
    else if (name == "--images")
      o.images = std::stoi(value);
    else if (name == "--rounds")
      o.rounds = std::stoi(value);
    else if (name == "--plan-cache-mode")
      o.plan_cache_mode = value;
    else if (name == "--data-dir")
      o.data_dir = value;
    else if (name == "--json")
      o.json_file = value;
    else
      throw std::invalid_argument("unknown option " + name);
  }
  if (argc % 2 == 0) throw std::invalid_argument("an option without its value");
  return o;
}

}  // namespace

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  auto folder = fs::temp_directory_path() / ("samovar-bench-" + std::to_string(::getpid()));
  bool keep = false;
  int status = 0;
  try {
    const auto o = read_options(argc, argv);
    stay_on_one_processor();
    keep = !o.data_dir.empty();
    if (keep) folder = o.data_dir;
    storage::database_options d;
    d.data_dir = folder;
    auto db = storage::open_database(d);
    json out{{"users", o.users},
             {"images_per_user", o.images},
             {"rounds", o.rounds},
             {"plan_cache_mode", o.plan_cache_mode.empty() ? "the server's" : o.plan_cache_mode}};
    out["lists"] = row_security(db, o);
    out["key_check"] = key_check(db);
    if (!o.json_file.empty()) std::ofstream(o.json_file) << out.dump(1) << "\n";
  } catch (const std::exception& e) {
    std::cerr << "access_bench: " << e.what() << "\n";
    status = 1;
  }
  std::error_code ignored;
  if (!keep) fs::remove_all(folder, ignored);
  return status;
}
