#include "net/account_changes.hpp"

namespace samovar::net {

namespace {

void tell_actors(services& s, core::user_id id, const std::optional<core::user>& u) {
  s.actors.account_changed(id, core::state_of(u));
  if (u) s.actors.announce_quota(id, core::use_of(*u));
}

}  // namespace

void account_changed(services& s, core::user_id user) {
  tell_actors(s, user, s.accounts.find_user(user));
}

void follow(services& s, access_control& access, const core::account_change& change) {
  using kind = core::account_change::kind;
  switch (change.what) {
    case kind::key: access.invalidate_key({change.id}); return;
    case kind::session: access.invalidate_session({change.id}); return;
    case kind::user:
      access.invalidate_user({change.id});
      account_changed(s, {change.id});
      return;
    case kind::quota: account_changed(s, {change.id}); return;
    case kind::everything: {
      // Looked up first: while that fails this is tried again, and need not empty the cache of
      // everybody each time.
      const auto users = s.accounts.list_users();
      access.invalidate_everything();
      for (const auto& u : users) tell_actors(s, u.id, u);
      return;
    }
  }
}

}  // namespace samovar::net
