// SESSION REGISTRY: finds or spawns the session of a user and passes asks on.
//
// Holds the only lasting handles of sessions. A session that has been idle asks to be retired; it
// is unmapped first, and only when it has seen every ask sent to it. When a session dies of a
// fault, it is born again with its open jobs as the database knows them. Event numbers survive
// retirement.
#pragma once

#include <caf/stateful_actor.hpp>
#include <chrono>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "actors/context.hpp"
#include "actors/interfaces.hpp"

namespace samovar::actors {

struct registered_session {
  user_session_actor session;
  std::uint64_t asks_sent = 0;
};

struct held_ask {
  session_ask_ptr ask;
  std::chrono::steady_clock::time_point since;
};

struct session_registry_state {
  const char* name = "session_registry";
  std::unordered_map<core::user_id, registered_session> sessions;
  std::unordered_map<core::user_id, std::int64_t> last_seqs;  ///< of retired sessions
  /// Asks of users whose session died, until the database has said what jobs are open: a session
  /// that knew only the new ones would run more of them than the user may.
  std::unordered_map<core::user_id, std::vector<held_ask>> held;
  std::unordered_set<core::user_id> overdue_sent;  ///< a timer is out, one a user at most
};

session_registry_actor::behavior_type session_registry(
    session_registry_actor::stateful_pointer<session_registry_state> self,
    persistence_actor persistence, gpu_supervisor_actor supervisor,
    std::chrono::seconds session_idle, std::shared_ptr<context> shared);

}  // namespace samovar::actors
