// Deleting blobs and backing up exclude each other: a backup copies the originals of rows as they
// were at one moment, so none of these may go away under it.
#pragma once

#include "storage/pool.hpp"

namespace samovar::storage {

/// Advisory lock: a backup holds it shared for its time; a round of the sweeper takes it for
/// itself, and does nothing while it can't.
inline constexpr const char* hold_blobs_sql = "select pg_advisory_lock_shared(7236520202)";
inline constexpr const char* try_delete_blobs_sql = "select pg_try_advisory_xact_lock(7236520202)";

/// Runs `f(transaction)` in a transaction that holds the lock. false: a backup runs, `f` was not
/// called.
template <class F>
bool unless_backing_up(connection& c, F&& f) {
  return c.without_limit([&] {  // how long deleting files takes says nothing of the database
    pqxx::work t{c.raw()};
    if (!t.exec(try_delete_blobs_sql)[0][0].template as<bool>()) return false;
    f(t);
    t.commit();
    return true;
  });
}

}  // namespace samovar::storage
