// GET /auth/sessions, DELETE /auth/sessions and /auth/sessions/{id}.
#include "net/handlers/all.hpp"
#include "net/handlers/lists.hpp"
#include "net/handlers/sign_in.hpp"

namespace samovar::net {

namespace {

reply list_sessions(services& s, const request& r) {
  const auto sessions = s.accounts.list_web_sessions(r.actor.id);
  const auto current = r.actor.via_session;
  const auto place = [](const core::web_session& w) {
    return core::cursor{w.created_at, w.id.value};
  };
  return list_reply<core::web_session>(r, read_paging(r, false),
                                       {[=](const auto& p) { return slice(sessions, p, place); },
                                        [current](json_out& out, const core::web_session& w) {
                                          out.begin_object()
                                              .field("id", w.id)
                                              .field("created_at", w.created_at)
                                              .field("last_seen_at", w.last_seen_at)
                                              .field("expires_at", w.expires_at)
                                              .field("address", w.address)
                                              .field("user_agent", w.user_agent)
                                              .field("current", w.id == current)
                                              .end_object();
                                        },
                                        "sessions"});
}

reply end_session(services& s, access_control& access, const request& r) {
  const auto id = path_id<core::web_session_id>(r, 0, "id");
  take(s.accounts.revoke_web_session(r.actor.id, id, made_by(r)));
  access.invalidate_session(id);
  auto out = no_content();
  if (id == r.actor.via_session)
    out.headers.emplace_back("Set-Cookie", session_cookie("", r.secure, 0));
  return out;
}

reply end_other_sessions(services& s, access_control& access, const request& r) {
  for (const auto& ended :
       s.accounts.revoke_other_web_sessions(r.actor.id, r.actor.via_session, made_by(r)))
    access.invalidate_session(ended);
  return no_content();
}

}  // namespace

std::vector<route> session_routes(services& s, access_control& access) {
  return {
      make_route("GET", "/api/v1/auth/sessions",
                 [&](const request& r) { return list_sessions(s, r); }),
      make_route("DELETE", "/api/v1/auth/sessions",
                 [&](const request& r) { return end_other_sessions(s, access, r); }),
      make_route("DELETE", "/api/v1/auth/sessions/{id}",
                 [&](const request& r) { return end_session(s, access, r); }),
  };
}

}  // namespace samovar::net
