#include "actors/persistence.hpp"

#include <spdlog/spdlog.h>
#include <algorithm>
#include <caf/all.hpp>
#include <map>

#include "core/limits.hpp"

namespace samovar::actors {

namespace {

using self_pointer = persistence_actor::stateful_pointer<persistence_state>;

constexpr int failures_max = 6;

void flush_later(self_pointer self) {
  if (self->state.flush_sent) return;
  self->state.flush_sent = true;
  // Behind everything that is in the mailbox now: all of it joins the batch.
  self->send(self, flush_atom::value);
}

// One message per receiver keeps the order of its tickets and costs one hop for a whole batch.
void answer_all(self_pointer self, const std::vector<waiting_write>& batch,
                std::vector<core::write_outcome> outcomes) {
  std::map<caf::actor_addr, std::pair<write_receiver, std::vector<write_answer>>> by_receiver;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    auto& entry = by_receiver[batch[i].from.address()];
    entry.first = batch[i].from;
    entry.second.push_back({batch[i].ticket, std::move(outcomes[i])});
  }
  for (auto& [address, entry] : by_receiver)
    self->send(entry.first, written_atom::value,
               std::make_shared<const std::vector<write_answer>>(std::move(entry.second)));
}

void retry_later(self_pointer self, context& shared, const std::string& reason) {
  auto& s = self->state;
  ++shared.counters.commit_retries;
  s.failures = std::min(s.failures + 1, failures_max);
  s.halvings = std::min(s.halvings + 1, failures_max);
  const auto pause = std::chrono::milliseconds(50 << s.failures);
  if (s.failures == 1) spdlog::warn("persistence: the database is away ({}); retrying", reason);
  s.flush_sent = true;
  self->delayed_send(self, pause, flush_atom::value);
}

void flush(self_pointer self, core::job_log& log, context& shared) {
  auto& s = self->state;
  s.flush_sent = false;
  if (s.gathered.empty()) return;
  // Each failure halves the batch: one that is too much for the database is not tried for ever as
  // it is. Each success doubles it again, and no more: what was too much may be so still.
  const auto count = std::min(s.gathered.size(), core::limits::persistence_batch_max >> s.halvings);
  std::vector<waiting_write> batch(s.gathered.begin(),
                                   s.gathered.begin() + static_cast<std::ptrdiff_t>(count));
  std::vector<core::write_command> commands;
  commands.reserve(count);
  for (const auto& w : batch) commands.push_back(*w.command);

  std::vector<core::write_outcome> outcomes;
  try {
    outcomes = log.commit(commands);
  } catch (const std::exception& e) {
    // store_unavailable, or a bug below: either way nothing was answered, and the commands may be
    // given again.
    retry_later(self, shared, e.what());
    return;
  }
  if (s.failures > 0) spdlog::info("persistence: the database is back");
  s.failures = 0;
  s.halvings = std::max(s.halvings - 1, 0);
  ++shared.counters.commits;
  shared.counters.commands_committed += count;
  s.gathered.erase(s.gathered.begin(), s.gathered.begin() + static_cast<std::ptrdiff_t>(count));
  answer_all(self, batch, std::move(outcomes));
  if (!s.gathered.empty()) flush_later(self);
}

}  // namespace

persistence_actor::behavior_type persistence(self_pointer self, core::job_log* log,
                                             std::shared_ptr<context> shared) {
  return {
      [=](write_atom, std::uint64_t ticket, const write_command_ptr& command,
          const write_receiver& from) {
        self->state.gathered.push_back({ticket, command, from});
        flush_later(self);
      },
      [=](load_atom, const core::user_id& user, const recover_receiver& registry) {
        // What the dead session wrote comes first: a job it submitted must be among the open ones.
        while (!self->state.gathered.empty() && self->state.failures == 0)
          flush(self, *log, *shared);
        if (!self->state.gathered.empty()) {
          self->delayed_send(self, std::chrono::seconds(1), load_atom::value, user, registry);
          return;
        }
        try {
          auto open = log->take_open_jobs(user);
          self->send(registry, recover_atom::value, user,
                     std::make_shared<const std::vector<core::open_job>>(std::move(open)));
        } catch (const std::exception& e) {
          spdlog::warn("persistence: can't read open jobs ({}); retrying", e.what());
          self->delayed_send(self, std::chrono::seconds(1), load_atom::value, user, registry);
        }
      },
      [=](flush_atom) { flush(self, *log, *shared); },
  };
}

}  // namespace samovar::actors
