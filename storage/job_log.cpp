#include "storage/job_log.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <future>
#include <map>
#include <numeric>
#include <pqxx/pipeline>
#include <set>
#include <stdexcept>

#include "storage/job_batch.hpp"
#include "storage/job_batch_sql.hpp"
#include "storage/row_json.hpp"

namespace samovar::storage {

namespace {

constexpr std::size_t commands_side_by_side_min = 128;

constexpr statement disabled_statement{"open_disabled",
                                       "select id from definer_disabled_users($1::uuid[])"};
constexpr statement take_statement{
    "open_take", "select taken from definer_take_open_jobs($1::bigint, $2::uuid)"};
constexpr statement open_statement{
    "open_read", "select " SAMOVAR_JOB_COLUMNS
                 ", snapshot, ended, blobs, max_concurrent_jobs, share_weight, queue_paused "
                 "from definer_open_jobs($1::uuid[]) order by created_at, id"};

// One round trip for any number of statements.
std::vector<pqxx::result> run_all(pqxx::transaction_base& t, const std::vector<std::string>& sql) {
  pqxx::pipeline p{t, "batch"};
  p.retain(static_cast<int>(sql.size()) + 1);
  std::vector<pqxx::pipeline::query_id> ids;
  ids.reserve(sql.size());
  for (const auto& s : sql) ids.push_back(p.insert(s));
  p.complete();
  std::vector<pqxx::result> results;
  results.reserve(ids.size());
  for (const auto id : ids) results.push_back(p.retrieve(id));
  return results;
}

std::shared_ptr<const core::job_inputs> make_inputs(const char* snapshot, const char* blobs,
                                                    const std::vector<core::image_id>& images) {
  auto inputs = std::make_shared<core::job_inputs>();
  auto prompts = read_snapshot(snapshot);
  for (const auto& id : images) (*inputs)[id].prompts = std::move(prompts[id]);
  read_blobs(blobs, *inputs);
  return inputs;
}

// Rare (a repeated create_job): one more look at the stored snapshot.
void add_inputs(pqxx::transaction_base& t, const user_batch& batch,
                std::vector<core::write_outcome>& outcomes) {
  if (batch.inputs_wanted().empty()) return;
  t.exec(set_user_text(batch.user()));
  for (const auto& [position, job] : batch.inputs_wanted()) {
    const auto rows = t.exec(execute_text(read_snapshot_statement, batch.user(), job));
    if (rows.empty()) continue;
    auto& w = *outcomes[position];
    w.inputs = make_inputs(rows[0][0].c_str(), rows[0][1].c_str(), w.record.image_ids);
  }
}

// One transaction in as few round trips as it takes: `begin` travels with the first reads, and
// `commit` with the last writes. Rolled back when it goes without having been committed.
class batch_transaction {
 public:
  batch_transaction(connection& c, std::size_t bytes_max)
      : c_(c), bytes_max_(bytes_max), t_(c.raw()) {}
  ~batch_transaction() {
    // With a broken connection the server rolls back by itself; this one might wait for ever.
    if (!open_ || c_.broken()) return;
    try {
      t_.exec("rollback");
    } catch (const std::exception& e) {
      spdlog::debug("storage: no rollback ({}); the connection is lost", e.what());
    }
  }
  batch_transaction(const batch_transaction&) = delete;
  batch_transaction& operator=(const batch_transaction&) = delete;

  std::vector<pqxx::result> read(std::vector<std::string> sql) {
    const bool opens = !open_;
    if (opens) sql.insert(sql.begin(), "begin");
    open_ = true;
    c_.wait_anew();
    auto results = run_all(t_, sql);
    if (opens) results.erase(results.begin());
    return results;
  }
  /// Statements, each with its semicolon; `last`: nothing follows but the commit.
  void write(const std::string& statements, bool last) {
    if (statements.size() > bytes_max_)
      throw std::length_error(std::to_string(statements.size()) + " bytes are too many at once");
    c_.wait_anew();
    t_.exec(last ? statements + "commit" : statements);
    if (last) open_ = false;
  }
  void commit() {
    if (open_) write({}, true);
  }
  pqxx::transaction_base& raw() { return t_; }

 private:
  connection& c_;
  const std::size_t bytes_max_;
  pqxx::nontransaction t_;
  bool open_ = false;
};

// One pass over those commands that may be decided together; returns the rest, in order. May commit
// when there is no rest.
std::vector<std::size_t> run_round(batch_transaction& t,
                                   std::span<const core::write_command> commands,
                                   const std::vector<std::size_t>& positions, std::int64_t epoch,
                                   const std::function<member_cache&(core::user_id)>& cache_of,
                                   bool given_before, bool may_commit,
                                   std::vector<core::write_outcome>& outcomes) {
  std::map<core::user_id, user_batch> batches;  // by user id: one order of locking for everybody
  std::map<core::user_id, bool> held_back;
  std::vector<std::size_t> rest;
  for (const auto position : positions) {
    const auto user = core::user_of(commands[position]);
    auto& batch =
        batches.try_emplace(user, user, epoch, cache_of(user), given_before).first->second;
    // Once one command of a user waits, all later ones of that user do: their order is kept.
    if (held_back[user] || !batch.add(position, commands[position])) {
      held_back[user] = true;
      rest.push_back(position);
    }
  }
  std::vector<std::string> sql;
  std::vector<std::size_t> counts;
  for (auto& [user, batch] : batches) {
    auto reads = batch.reads();
    counts.push_back(reads.size());
    std::move(reads.begin(), reads.end(), std::back_inserter(sql));
  }
  const auto results = t.read(std::move(sql));
  std::string writes;
  std::size_t at = 0, nth = 0;
  for (auto& [user, batch] : batches) {
    const auto begin = results.begin() + static_cast<std::ptrdiff_t>(at);
    batch.take({begin, begin + static_cast<std::ptrdiff_t>(counts[nth])});
    at += counts[nth++];
    batch.decide(outcomes);
  }
  // From the last one back: the transaction acts for that user already.
  for (auto b = batches.rbegin(); b != batches.rend(); ++b)
    for (const auto& s : b->second.writes(b == batches.rbegin())) {
      writes += s;
      writes += ';';
    }
  const bool more = std::any_of(batches.begin(), batches.end(),
                                [](const auto& b) { return !b.second.inputs_wanted().empty(); });
  if (!writes.empty()) t.write(writes, may_commit && rest.empty() && !more);
  if (more)
    for (auto& [user, batch] : batches) add_inputs(t.raw(), batch, outcomes);
  return rest;
}

core::error command_failed() {
  return core::make_error(core::error_code::internal, "The change could not be stored");
}

}  // namespace

postgres_job_log::postgres_job_log(std::string app_conninfo, std::shared_ptr<hang_watch> watch,
                                   std::chrono::seconds limit)
    : conninfo_(std::move(app_conninfo)), watch_(std::move(watch)), limit_(limit) {
  for (auto& l : lanes_) l.members = std::make_unique<member_cache>();
}

postgres_job_log::~postgres_job_log() = default;

connection& postgres_job_log::ready_connection(lane& l) {
  if (!l.link || l.link->broken() || l.link->hung_up()) {
    l.link.reset();
    l.link = std::make_unique<connection>(conninfo_, watch_, limit_);
    for (const auto& s : batch_statements()) l.link->prepare(s);
  }
  return *l.link;
}

postgres_job_log::lane& postgres_job_log::lane_of(core::user_id user) {
  return lanes_[core::uuid_hash{}(user) % lane_count];
}

std::int64_t postgres_job_log::begin_epoch() {
  epoch_ =
      ready_connection(lanes_[0]).exec("select nextval('server_epoch')")[0][0].as<std::int64_t>();
  return epoch_;
}

namespace {

// PostgreSQL's message; the DETAIL line behind it may hold people's data.
std::string without_details(const std::exception& e) {
  const std::string text = e.what();
  return text.substr(0, text.find('\n'));
}

}  // namespace

// Small batches are one transaction: what they would gain side by side, a second wait for the disk
// costs.
std::vector<core::write_outcome> postgres_job_log::commit(
    std::span<const core::write_command> commands) {
  outcomes out(commands.size(), command_failed());
  if (commands.empty()) return out;
  std::array<positions, lane_count> parts;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const auto& l = lane_of(core::user_of(commands[i]));
    parts[static_cast<std::size_t>(&l - lanes_.data())].push_back(i);
  }
  const bool large = commands.size() >= commands_side_by_side_min;
  if (!large || parts[0].empty() || parts[1].empty()) {
    positions all(commands.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    commit_part(parts[0].empty() ? lanes_[1] : lanes_[0], commands, all, out);
    return out;
  }
  // Of different users, so they write different outcomes. When one of them finds the database away
  // all are given again; those that were stored are then found.
  auto other =
      std::async(std::launch::async, [&] { commit_part(lanes_[1], commands, parts[1], out); });
  commit_part(lanes_[0], commands, parts[0], out);
  other.get();
  return out;
}

void postgres_job_log::commit_part(lane& l, std::span<const core::write_command> commands,
                                   const positions& which, outcomes& out) {
  // Commands are given again only after a commit in doubt, and a result's image is rarely deleted
  // meanwhile: the writing fails then, and the second look finds out.
  for (const bool given_before : {false, true}) {
    try {
      return commit_together(l, commands, which, given_before, out);
    } catch (const core::store_unavailable&) {
      throw;
    } catch (const std::exception& e) {
      // One of them is at fault: alone, each shows whether it is the one.
      if (given_before)
        spdlog::warn("storage: a batch of {} commands failed, replaying one by one: {}",
                     which.size(), without_details(e));
    }
  }
  for (const auto position : which) commit_alone(l, commands, position, out);
}

void postgres_job_log::commit_alone(lane& l, std::span<const core::write_command> commands,
                                    std::size_t position, outcomes& out) {
  out[position] = command_failed();
  try {
    commit_together(l, commands, {position}, true, out);
    return;
  } catch (const core::store_unavailable&) {
    throw;
  } catch (const std::exception& e) {
    spdlog::error("storage: a command failed: {}", without_details(e));
  }
  out[position] = command_failed();
}

void postgres_job_log::commit_together(lane& l, std::span<const core::write_command> commands,
                                       positions which, bool given_before, outcomes& out) {
  auto& c = ready_connection(l);
  const auto cache_of = [this](core::user_id user) -> member_cache& {
    return *lane_of(user).members;
  };
  c.guarded([&] {
    const auto count = which.size();
    batch_transaction t{c, bytes_max_};
    while (!which.empty())
      which = run_round(t, commands, which, epoch_, cache_of, given_before, !hook_, out);
    if (hook_) hook_(count);
    t.commit();
  });
}

namespace {

// Jobs of disabled users are taken over like all others, and wait until the user is enabled.
void hold_back(connection& c, std::vector<core::open_job>& jobs) {
  std::set<core::uuid> owners;
  for (const auto& o : jobs) owners.insert(o.record.user.value);
  if (owners.empty()) return;
  std::set<core::uuid> disabled;
  for (const auto& row :
       c.run(disabled_statement, std::vector<core::uuid>(owners.begin(), owners.end())))
    disabled.insert(read_uuid(row[0].c_str()));
  for (auto& o : jobs) o.held = disabled.contains(o.record.user.value);
}

}  // namespace

std::vector<core::open_job> postgres_job_log::take_open_jobs(std::optional<core::user_id> user) {
  auto& c = ready_connection(lanes_[0]);
  std::vector<core::uuid> taken;
  for (const auto& row : c.run(take_statement, epoch_, user))
    taken.push_back(read_uuid(row[0].c_str()));
  std::vector<core::open_job> jobs;
  // In pieces: snapshots of very many jobs don't have to be in memory twice.
  constexpr std::size_t piece_max = 500;
  for (std::size_t from = 0; from < taken.size(); from += piece_max) {
    const auto end = std::min(from + piece_max, taken.size());
    const std::vector<core::uuid> piece(taken.begin() + static_cast<std::ptrdiff_t>(from),
                                        taken.begin() + static_cast<std::ptrdiff_t>(end));
    for (const auto& row : c.run(open_statement, piece)) {
      core::open_job o;
      o.record = read_job(row);
      const int at = job_column_count;
      o.inputs = make_inputs(row[at].c_str(), row[at + 2].c_str(), o.record.image_ids);
      for (const auto& id : read_uuid_array(row[at + 1].c_str())) o.ended.push_back({id});
      o.max_concurrent_jobs = row[at + 3].as<int>();
      o.share_weight = row[at + 4].as<double>();
      o.queue_paused = row[at + 5].as<bool>();
      jobs.push_back(std::move(o));
    }
  }
  hold_back(c, jobs);
  std::sort(jobs.begin(), jobs.end(), [](const auto& a, const auto& b) {
    return std::tie(a.record.created_at, a.record.id) < std::tie(b.record.created_at, b.record.id);
  });
  return jobs;
}

}  // namespace samovar::storage
