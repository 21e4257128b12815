// GET /admin/audit, and the note of what administrators read.
#include "net/handlers/all.hpp"
#include "net/handlers/lists.hpp"

namespace samovar::net {

namespace {

// The log is paged by number; the list machinery carries it in the low half of a cursor's id.
core::cursor cursor_at(const core::audit_entry& e) {
  core::cursor c;
  c.at = e.at;
  for (std::size_t i = 0; i < 8; ++i)
    c.id.bytes[15 - i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(e.id) >> (8 * i));
  return c;
}

std::int64_t number_of(const core::cursor& c) {
  std::uint64_t n = 0;
  for (std::size_t i = 8; i < 16; ++i) n = n << 8 | c.id.bytes[i];
  return static_cast<std::int64_t>(n);
}

void write_entry(json_out& out, const core::audit_entry& e) {
  out.begin_object()
      .field("id", e.id)
      .field("at", e.at)
      .field("actor_id", e.actor)
      .field("actor_email", e.actor_email)
      .field("action", e.action)
      .field("subject_id", e.subject_id)
      .field("subject", e.subject)
      .field("address", e.address)
      .key("detail")
      .raw(e.detail)
      .end_object();
}

reply list_audit(services& s, const request& r) {
  core::audit_query q;
  q.action = query_value(r, "action");
  if (const auto user = query_value(r, "user_id")) {
    q.user = core::parse_id<core::user_id>(*user);
    if (!q.user) refuse(core::error_code::validation_failed, "user_id must be a UUID", "user_id");
  }
  const auto fetch = [&s, q](const core::page_request& p) {
    auto query = q;
    query.limit = p.limit + 1;  // one more says whether there is more
    query.with_total = p.with_total;
    if (p.after) query.before = number_of(*p.after);
    auto found = s.audit.list(query);
    core::page<core::audit_entry> page;
    page.total = found.total;
    page.items = std::move(found.entries);
    if (page.items.size() > p.limit) {
      page.items.resize(p.limit);
      page.next = cursor_at(page.items.back());
    }
    return page;
  };
  return list_reply<core::audit_entry>(r, read_paging(r, false), {fetch, write_entry, "entries"});
}

}  // namespace

route noted_read(services& s, route r) {
  r.handle = [&s, inner = std::move(r.handle)](const std::shared_ptr<const request>& q,
                                               const respond& respond) {
    s.audit.admin_read(made_by(*q), q->path);
    inner(q, respond);
  };
  return r;
}

std::vector<route> audit_routes(services& s, access_control&) {
  return {noted_read(
      s, make_route(
             "GET", "/api/v1/admin/audit", [&](const request& r) { return list_audit(s, r); },
             body_kind::none, access::admin))};
}

}  // namespace samovar::net
