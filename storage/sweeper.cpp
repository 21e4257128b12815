#include "storage/sweeper.hpp"

#include <spdlog/spdlog.h>

#include <unordered_set>

#include "storage/blob_hold.hpp"

namespace samovar::storage {

namespace {

constexpr int batch_max = 500;

constexpr statement outbox_statement{
    "outbox_read", "select id, blob_path from definer_blob_deletions($1::integer)"};
constexpr statement forget_statement{"outbox_forget",
                                     "select definer_forget_blob_deletions($1::bigint[])"};
constexpr statement owners_statement{"blob_owners",
                                     "select id from definer_known_blob_owners($1::uuid[])"};
constexpr statement paths_statement{"blob_paths",
                                    "select blob_path from definer_known_blob_paths($1::text[])"};
constexpr statement sessions_statement{"expire_credentials", "select definer_expire_credentials()"};

// The image or result a blob belongs to: its name begins with that id.
std::optional<core::uuid> owner_of(const std::string& key) {
  const auto slash = key.rfind('/');
  const auto name = slash == std::string::npos ? key : key.substr(slash + 1);
  return core::parse_uuid(std::string_view{name}.substr(0, 36));
}

std::size_t remove_orphans(pool& connections, core::blob_store& blobs,
                           const std::vector<std::string>& keys) {
  if (keys.empty()) return 0;
  std::vector<core::uuid> ids;
  for (const auto& key : keys)
    if (auto id = owner_of(key)) ids.push_back(*id);
  std::size_t removed = 0;
  auto c = connections.take();
  c->prepare(owners_statement);
  c->prepare(paths_statement);
  unless_backing_up(*c, [&](pqxx::work& t) {
    std::unordered_set<std::string> known_paths;
    std::unordered_set<core::uuid, core::uuid_hash> known_owners;
    for (const auto& row : t.exec(execute_text(owners_statement, ids)))
      known_owners.insert(read_uuid(row[0].c_str()));
    for (const auto& row : t.exec(execute_text(paths_statement, keys)))
      known_paths.insert(row[0].c_str());
    for (const auto& key : keys) {
      const auto owner = owner_of(key);
      if (!owner || known_owners.contains(*owner) || known_paths.contains(key)) continue;
      blobs.remove(key);
      ++removed;
    }
  });
  return removed;
}

}  // namespace

std::size_t sweep_outbox(pool& connections, core::blob_store& blobs) {
  std::size_t count = 0;
  for (;;) {
    std::vector<std::int64_t> ids;
    auto c = connections.take();
    c->prepare(outbox_statement);
    c->prepare(forget_statement);
    unless_backing_up(*c, [&](pqxx::work& t) {
      for (const auto& row : t.exec(execute_text(outbox_statement, batch_max))) {
        blobs.remove(row[1].c_str());
        ids.push_back(row[0].as<std::int64_t>());
      }
      if (!ids.empty()) t.exec(execute_text(forget_statement, ids));
    });
    if (ids.empty()) return count;
    count += ids.size();
  }
}

sweep_report sweep(pool& connections, blob_folder& blobs, std::chrono::seconds grace) {
  sweep_report report;
  report.outbox = sweep_outbox(connections, blobs);
  std::vector<std::string> keys;
  auto look = [&] {
    report.orphans += remove_orphans(connections, blobs, keys);
    keys.clear();
  };
  blobs.for_each_older_than(grace, [&](const std::string& key) {
    keys.push_back(key);
    if (keys.size() >= static_cast<std::size_t>(batch_max)) look();
  });
  look();
  connections.take()->run(sessions_statement);
  if (report.orphans > 0) spdlog::info("storage: {} orphan blobs deleted", report.orphans);
  return report;
}

}  // namespace samovar::storage
