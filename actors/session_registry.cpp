#include "actors/session_registry.hpp"

#include <spdlog/spdlog.h>
#include <algorithm>
#include <caf/all.hpp>
#include <map>

#include "actors/user_session.hpp"
#include "core/limits.hpp"

namespace samovar::actors {

namespace {

using self_pointer = session_registry_actor::stateful_pointer<session_registry_state>;

struct spawner {
  persistence_actor persistence;
  gpu_supervisor_actor supervisor;
  std::chrono::seconds idle;
  std::shared_ptr<context> shared;

  registered_session& find_or_spawn(self_pointer self, core::user_id user) const {
    auto& s = self->state;
    auto& entry = s.sessions[user];
    if (entry.session) return entry;
    const auto seq = s.last_seqs.find(user);
    const auto last = seq == s.last_seqs.end() ? core::first_seq(shared->epoch) : seq->second;
    entry.session = self->spawn<caf::monitored>(
        user_session, user_session_config{user, last, idle}, persistence, supervisor,
        caf::actor_cast<session_registry_actor>(self), shared);
    return entry;
  }
};

// A session that died of a fault is born again with what the database knows. Sockets were told
// nothing: its sinks are gone, and their clients reconnect.
void session_down(self_pointer self, const spawner& spawn, const caf::down_msg& down) {
  auto& s = self->state;
  for (auto it = s.sessions.begin(); it != s.sessions.end(); ++it) {
    if (it->second.session.address() != down.source) continue;
    const auto user = it->first;
    s.sessions.erase(it);
    if (down.reason == caf::exit_reason::user_shutdown) return;
    spdlog::error("session_registry: a session died ({}); its jobs are taken up again",
                  self->system().render(down.reason));
    // Numbers given out by the dead session must not come again.
    s.last_seqs[user] =
        std::max(s.last_seqs[user], core::first_seq(spawn.shared->epoch)) + (std::int64_t{1} << 24);
    s.held.try_emplace(user);
    self->send(spawn.persistence, load_atom::value, user, caf::actor_cast<recover_receiver>(self));
    return;
  }
}

void pass_on(self_pointer self, const spawner& spawn, core::user_id user,
             const session_ask_ptr& ask) {
  if (!needs_session(*ask) && !self->state.sessions.contains(user)) return;
  auto& entry = spawn.find_or_spawn(self, user);
  ++entry.asks_sent;
  self->send(entry.session, ask_atom::value, ask);
}

// What an account is now must not get lost: it is held for as long as it takes.
bool is_account(const held_ask& h) { return std::holds_alternative<account_ask>(*h.ask); }

void look_for_overdue(self_pointer self, core::user_id user, std::chrono::milliseconds in) {
  if (self->state.overdue_sent.insert(user).second)
    self->delayed_send(self, in, overdue_atom::value, user);
}

// Over the bound an ask is dropped: its reply answers `unavailable`, and a socket is told to come
// again. Of an account the newest says it all.
void hold(self_pointer self, core::user_id user, std::vector<held_ask>& held,
          const session_ask_ptr& ask, std::chrono::milliseconds patience) {
  held_ask h{ask, self->clock().now()};
  if (is_account(h)) {
    std::erase_if(held, is_account);
  } else if (held.size() >= core::limits::asks_held_per_user_max) {
    if (const auto* s = std::get_if<subscribe_ask>(ask.get())) s->sink->closed();
    return;
  } else {
    look_for_overdue(self, user, patience);
  }
  held.push_back(std::move(h));
}

// The database doesn't say what the reborn session must know. Asks that were held for too long are
// let go unanswered, which tells each that it was not carried out.
void let_go_of_held(self_pointer self, core::user_id user, std::chrono::milliseconds patience) {
  auto& s = self->state;
  s.overdue_sent.erase(user);
  const auto held = s.held.find(user);
  if (held == s.held.end()) return;
  const auto now = self->clock().now();
  std::erase_if(held->second, [&](const held_ask& h) {
    if (is_account(h) || h.since + patience > now) return false;
    if (const auto* sub = std::get_if<subscribe_ask>(h.ask.get())) sub->sink->closed();
    return true;
  });
  const auto oldest = std::find_if_not(held->second.begin(), held->second.end(), is_account);
  if (oldest != held->second.end())
    look_for_overdue(self, user,
                     std::chrono::ceil<std::chrono::milliseconds>(oldest->since + patience - now));
}

void resume(self_pointer self, const spawner& spawn, core::user_id user,
            const open_jobs_ptr& jobs) {
  auto& entry = spawn.find_or_spawn(self, user);
  ++entry.asks_sent;
  self->send(entry.session, recover_atom::value, jobs);
}

}  // namespace

session_registry_actor::behavior_type session_registry(self_pointer self,
                                                       persistence_actor persistence,
                                                       gpu_supervisor_actor supervisor,
                                                       std::chrono::seconds session_idle,
                                                       std::shared_ptr<context> shared) {
  const spawner spawn{std::move(persistence), std::move(supervisor), session_idle,
                      std::move(shared)};
  // One timer for all: one a session would be a tenth of what an idle session costs.
  self->delayed_send(self, spawn.idle, idle_atom::value);
  self->set_down_handler([=](const caf::down_msg& down) { session_down(self, spawn, down); });
  self->set_exit_handler([self](const caf::exit_msg& e) {
    for (auto& [user, entry] : self->state.sessions)
      caf::anon_send_exit(entry.session, caf::exit_reason::user_shutdown);
    self->quit(e.reason);
  });
  return {
      [=](ask_atom, const core::user_id& user, const session_ask_ptr& ask) {
        if (const auto held = self->state.held.find(user); held != self->state.held.end()) {
          hold(self, user, held->second, ask, spawn.shared->write_patience);
          return;
        }
        pass_on(self, spawn, user, ask);
      },
      [=](recover_atom, const open_jobs_ptr& jobs) {
        std::map<core::user_id, std::vector<core::open_job>> by_user;
        for (const auto& open : *jobs) by_user[open.record.user].push_back(open);
        for (auto& [user, open] : by_user)
          resume(self, spawn, user,
                 std::make_shared<const std::vector<core::open_job>>(std::move(open)));
      },
      [=](recover_atom, const core::user_id& user, const open_jobs_ptr& jobs) {
        if (!jobs->empty()) resume(self, spawn, user, jobs);
        const auto held = self->state.held.extract(user);
        if (held.empty()) return;
        for (const auto& h : held.mapped()) pass_on(self, spawn, user, h.ask);
      },
      [=](idle_atom, const core::user_id& user, std::uint64_t asks, std::int64_t last_seq) {
        auto& s = self->state;
        const auto it = s.sessions.find(user);
        if (it == s.sessions.end() || it->second.asks_sent != asks) return;
        s.last_seqs[user] = last_seq;
        self->demonitor(it->second.session.address());
        self->send(it->second.session, retire_atom::value);
        s.sessions.erase(it);
      },
      [=](idle_atom) {
        for (const auto& [user, entry] : self->state.sessions)
          self->send(entry.session, idle_atom::value);
        self->delayed_send(self, spawn.idle, idle_atom::value);
      },
      [=](overdue_atom, const core::user_id& user) {
        let_go_of_held(self, user, spawn.shared->write_patience);
      },
      [=](drain_atom) {
        for (auto& [user, entry] : self->state.sessions) {
          ++entry.asks_sent;
          self->send(entry.session, ask_atom::value, std::make_shared<session_ask>(drain_ask{}));
        }
      },
  };
}

}  // namespace samovar::actors
