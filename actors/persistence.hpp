// PERSISTENCE: serialises every durable change of jobs and results through the job_log port, on its
// own thread.
//
// Group commit: while one transaction is on its way to disk, further commands gather in the mailbox
// and form the next batch; each is answered only after its commit. When the database is away the
// batch is kept and tried again with backoff: commands are idempotent, so a commit lost in doubt
// does no harm. Its death would lose what it had not answered yet, so the system treats it as
// fatal.
#pragma once

#include <caf/stateful_actor.hpp>
#include <vector>

#include "actors/context.hpp"
#include "actors/interfaces.hpp"

namespace samovar::actors {

struct waiting_write {
  std::uint64_t ticket = 0;
  write_command_ptr command;
  write_receiver from;
};

struct persistence_state {
  const char* name = "persistence";
  std::vector<waiting_write> gathered;
  bool flush_sent = false;
  int failures = 0;  ///< consecutive failed attempts, for the backoff
  int halvings = 0;  ///< of the largest batch
};

persistence_actor::behavior_type persistence(
    persistence_actor::stateful_pointer<persistence_state> self, core::job_log* log,
    std::shared_ptr<context> shared);

}  // namespace samovar::actors
