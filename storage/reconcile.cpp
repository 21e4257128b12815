#include "storage/reconcile.hpp"

#include <unordered_set>

#include "storage/keyset.hpp"
#include "storage/repositories.hpp"

namespace samovar::storage {

namespace {

constexpr std::int64_t page_rows = 1000;
constexpr std::size_t blobs_at_once = 500;
constexpr int outbox_entries_max = 10'000'000;

constexpr statement counters_statement{
    "reconcile_counters",
    "select u.image_count, u.storage_bytes, s.n, s.bytes from users u, "
    "(select count(*) as n, coalesce(sum(byte_size), 0)::bigint as bytes from images "
    "where user_id = $1::uuid) s where u.id = $1"};
constexpr statement lock_user_statement{"reconcile_lock",
                                        "select from users where id = $1::uuid for no key update"};
constexpr statement set_counters_statement{
    "reconcile_set_counters",
    "update users set image_count = s.n, storage_bytes = s.bytes from "
    "(select count(*) as n, coalesce(sum(byte_size), 0)::bigint as bytes from images "
    "where user_id = $1::uuid) s where users.id = $1"};
constexpr statement images_statement{
    "reconcile_images",
    "select id, created_at, blob_path, byte_size from images where user_id = $1::uuid "
    "and (created_at, id) < ($2::timestamptz, $3::uuid) "
    "order by created_at desc, id desc limit $4::bigint"};
constexpr statement image_statement{
    "reconcile_image", "select blob_path from images where id = $2::uuid and user_id = $1::uuid"};

// A page of jobs; of each whether it must be looked at: whether something is wrong with it, or some
// of its results are gone. What is counted takes time in proportion to the job.
constexpr statement suspects_statement{
    "reconcile_suspects",
    "select j.id, j.created_at, j.failed_count <> c.failures "
    "or j.current_index <> c.results + c.failures "
    "or (j.status in ('completed', 'failed') and j.current_index <> cardinality(j.image_ids)) "
    "or (j.completed_at is not null) = (j.status in ('queued', 'running')) "
    "or (c.failures > 0 and exists (select from job_image_failures f cross join lateral "
    "(select from processing_results r where r.job_id = f.job_id and r.image_id = f.image_id "
    "offset 0) x where f.job_id = j.id)) "
    "or (c.results > 0 and c.results <> (select count(*) from unnest(j.image_ids) a (id) "
    "cross join lateral (select from processing_results r where r.job_id = j.id "
    "and r.image_id = a.id offset 0) x)) "
    "from processing_jobs j cross join lateral (select "
    "(select count(*) from processing_results r where r.job_id = j.id) as results, "
    "(select count(*) from job_image_failures f where f.job_id = j.id) as failures offset 0) c "
    "where j.user_id = $1::uuid and (j.created_at, j.id) < ($2::timestamptz, $3::uuid) "
    "order by j.created_at desc, j.id desc limit $4::bigint"};

// One job. Results go with their image, so it may have counted more than it still has: by at most
// its images that are gone. Failures stay with the job.
#define JOB_COUNTS                                                                               \
  "select j.id, j.status, cardinality(j.image_ids) as images, j.current_index, j.failed_count, " \
  "j.completed_at is not null as ended, j.status in ('queued', 'running') as open, "             \
  "(select count(*) from processing_results r where r.job_id = j.id) as results, "               \
  "(select count(*) from job_image_failures f where f.job_id = j.id) as failures, "              \
  "(select count(*) from processing_results r join job_image_failures f "                        \
  "on f.job_id = r.job_id and f.image_id = r.image_id where r.job_id = j.id) as twice, "         \
  "(select count(*) from (select r.image_id from processing_results r where r.job_id = j.id "    \
  "except select unnest(j.image_ids)) o) as foreign_results, "                                   \
  "(select count(*) from unnest(j.image_ids) a (id) "                                            \
  "where not exists (select from images i where i.id = a.id) and not exists (select from "       \
  "job_image_failures f where f.job_id = j.id and f.image_id = a.id)) as gone "                  \
  "from processing_jobs j where j.user_id = $1::uuid and j.id = $2::uuid"
constexpr statement job_statement{
    "reconcile_job",
    "select id, status, images, current_index, failed_count, results, failures, twice, "
    "foreign_results, gone, ended, open from (" JOB_COUNTS
    " offset 0) x where failed_count <> failures "
    "or current_index not between results + failures and results + failures + gone "
    "or (status in ('completed', 'failed') and current_index <> images) "
    "or ended = open or twice > 0 or foreign_results > 0"};
constexpr statement fix_job_statement{
    "reconcile_fix_job",
    "update processing_jobs j set failed_count = x.failures, version = version + 1, "
    "current_index = case when x.status in ('completed', 'failed') then x.images "
    "else least(x.results + x.failures + x.gone, greatest(x.results + x.failures, "
    "x.current_index)) end, completed_at = coalesce(j.completed_at, now()) from (" JOB_COUNTS
    " offset 0) x where j.id = $2 and not x.open and j.user_id = $1"};
constexpr statement outbox_statement{
    "reconcile_outbox", "select id, blob_path from definer_blob_deletions($1::integer)"};
constexpr statement forget_statement{"reconcile_forget",
                                     "select definer_forget_blob_deletions($1::bigint[])"};
constexpr statement owners_statement{"reconcile_owners",
                                     "select id from definer_known_blob_owners($1::uuid[])"};
constexpr statement paths_statement{"reconcile_paths",
                                    "select blob_path from definer_known_blob_paths($1::text[])"};

class reconciler {
 public:
  reconciler(pool& connections, blob_folder& blobs, const reconcile_options& options,
             const std::function<void(const drift&)>& found)
      : pool_(connections), blobs_(blobs), options_(options), found_(found) {}

  reconcile_report run() {
    for (const auto& u : account_repository(pool_).list_users()) {
      ++report_.users;
      counters(u);
      images(u);
      jobs(u);
    }
    outbox();
    std::vector<std::string> keys;
    blobs_.for_each_older_than(options_.grace, [&](const std::string& key) {
      keys.push_back(key);
      if (keys.size() >= blobs_at_once) orphans(keys);
    });
    orphans(keys);
    return report_;
  }

 private:
  void tell(const std::string& what, bool fixed) {
    ++report_.drifts;
    if (fixed) ++report_.fixed;
    found_({what, fixed});
  }

  void counters(const core::user& u) {
    auto c = pool_.take();
    const auto rows = c->as_user(u.id, counters_statement, u.id);
    if (rows.empty()) return;  // deleted meanwhile
    const auto of = [&](int i) { return rows[0][i].as<std::int64_t>(); };
    if (of(0) == of(2) && of(1) == of(3)) return;
    if (options_.fix) {
      c->prepare(lock_user_statement);
      c->prepare(set_counters_statement);
      c->guarded([&] {
        pqxx::work t{c->raw()};
        t.exec(set_user_text(u.id));
        // Uploads and deletions hold this lock until they commit: the counts below see them.
        t.exec(execute_text(lock_user_statement, u.id));
        t.exec(execute_text(set_counters_statement, u.id));
        t.commit();
        return 0;
      });
    }
    tell("user " + u.email + " has image_count " + std::to_string(of(0)) + " and " +
             std::to_string(of(2)) + " images, storage_bytes " + std::to_string(of(1)) + " and " +
             std::to_string(of(3)) + " bytes of images",
         options_.fix);
  }

  /// Calls `look` for each row of the statement's pages: keyset paging, newest first, and a row
  /// begins with its id and time.
  template <class Look>
  void page_through(const core::user& u, const statement& s, Look look) {
    core::page_request p;

    for (;;) {
      const keyset start{p};
      const auto rows = pool_.take()->as_user(u.id, s, u.id, start.at, start.id, page_rows);
      for (const auto& row : rows) {
        p.after = core::cursor{read_timestamp(row[1].c_str()), read_uuid(row[0].c_str())};
        look(row);
      }
      if (static_cast<std::int64_t>(rows.size()) < page_rows) return;
    }
  }

  void images(const core::user& u) {
    page_through(u, images_statement, [&](const pqxx::row& row) {
      ++report_.images;
      const auto id = read_uuid(row[0].c_str());
      const auto size = blobs_.size_of(row[2].c_str());
      if (size && *size == row[3].as<std::uint64_t>()) return;
      if (pool_.take()->as_user(u.id, image_statement, u.id, id).empty()) return;
      tell("image " + core::to_string(id) + " of " + u.email +
               (size ? " has a blob of " + std::to_string(*size) + " bytes instead of " +
                           row[3].c_str()
                     : " has no blob"),
           false);
    });
  }

  void jobs(const core::user& u) {
    page_through(u, suspects_statement, [&](const pqxx::row& row) {
      ++report_.jobs;
      if (row[2].as<bool>()) job(u, read_uuid(row[0].c_str()));
    });
  }

  void job(const core::user& u, const core::uuid& id) {
    auto c = pool_.take();
    const auto rows = c->as_user(u.id, job_statement, u.id, id);
    if (rows.empty()) return;
    const auto& row = rows[0];
    bool fixed = false;
    if (options_.fix && !row[11].as<bool>()) {
      c->as_user(u.id, fix_job_statement, u.id, id);
      fixed = c->as_user(u.id, job_statement, u.id, id).empty();
    }
    const auto of = [&](int i) { return std::string{" "} + row[i].c_str(); };
    tell("job " + core::to_string(id) + " of " + u.email + ": status" + of(1) + ", images" + of(2) +
             ", current_index" + of(3) + ", failed_count" + of(4) + "; results" + of(5) +
             ", failures" + of(6) + ", both" + of(7) + ", of other images" + of(8) +
             ", images gone" + of(9) + (row[10].as<bool>() ? "; ended" : "; not ended"),
         fixed);
  }

  // Those of these blobs that an image's row names.
  std::unordered_set<std::string> named(const std::vector<std::string>& keys) {
    std::unordered_set<std::string> known;
    for (const auto& row : pool_.take()->run(paths_statement, keys)) known.insert(row[0].c_str());
    return known;
  }

  void outbox() {
    const auto rows = pool_.take()->run(outbox_statement, outbox_entries_max);
    std::vector<std::string> keys;
    for (const auto& row : rows) keys.push_back(row[1].c_str());
    const auto known = named(keys);
    for (const auto& row : rows) {
      const std::string key = row[1].c_str();
      awaited_.insert(key);
      if (!known.contains(key)) continue;
      if (options_.fix)
        pool_.take()->run(forget_statement, std::vector<std::int64_t>{row[0].as<std::int64_t>()});
      tell("blob " + key + " is to be deleted and an image needs it", options_.fix);
    }
  }

  /// Looks at the blobs and forgets them.
  void orphans(std::vector<std::string>& keys) {
    report_.blobs += static_cast<std::int64_t>(keys.size());
    std::vector<core::uuid> ids;
    for (const auto& key : keys)
      if (const auto id = owner_of(key)) ids.push_back(*id);
    std::unordered_set<core::uuid, core::uuid_hash> owners;
    for (const auto& row : pool_.take()->run(owners_statement, ids))
      owners.insert(read_uuid(row[0].c_str()));
    const auto known = named(keys);
    for (const auto& key : keys) {
      const auto owner = owner_of(key);
      if ((owner && owners.contains(*owner)) || known.contains(key) || awaited_.contains(key))
        continue;
      if (options_.fix) blobs_.remove(key);
      tell("blob " + key + " belongs to no row", options_.fix);
    }
    keys.clear();
  }

  /// The image or result a blob belongs to: its name begins with that id.
  static std::optional<core::uuid> owner_of(const std::string& key) {
    const auto name = key.substr(key.rfind('/') + 1);
    return core::parse_uuid(std::string_view{name}.substr(0, 36));
  }

  pool& pool_;
  blob_folder& blobs_;
  const reconcile_options& options_;
  const std::function<void(const drift&)>& found_;
  reconcile_report report_;
  std::unordered_set<std::string> awaited_;  ///< blobs in the outbox
};

}  // namespace

reconcile_report reconcile(pool& connections, blob_folder& blobs, const reconcile_options& options,
                           const std::function<void(const drift&)>& found) {
  return reconciler(connections, blobs, options, found).run();
}

}  // namespace samovar::storage
