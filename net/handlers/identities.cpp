// GET /auth/identities, DELETE /auth/identities/{id}.
#include "net/handlers/lists.hpp"
#include "net/handlers/oidc.hpp"

namespace samovar::net {

namespace {

reply list_identities(core::identity_store& identities, const request& r) {
  const auto all = identities.list_identities(r.actor.id);
  const auto place = [](const core::identity& i) { return core::cursor{i.created_at, i.id.value}; };
  return list_reply<core::identity>(r, read_paging(r, true),
                                    {[=](const auto& p) { return slice(all, p, place); },
                                     [](json_out& out, const core::identity& i) {
                                       out.begin_object()
                                           .field("id", i.id)
                                           .field("issuer", i.issuer)
                                           .field("email", i.email)
                                           .field("created_at", i.created_at)
                                           .end_object();
                                     },
                                     "identities"});
}

/// 409 with a code of its own, so that the page can say what to do.
reply only_way_in(const request& r) {
  std::string text;
  json_out out(text);
  out.begin_object()
      .field("detail", "This is the only way to sign in to the account; set a password first")
      .field("code", "last_sign_in")
      .field("request_id", r.request_id)
      .end_object();
  return json_reply(std::move(text), 409);
}

reply remove_identity(core::identity_store& identities, const request& r) {
  const auto id = path_id<core::identity_id>(r, 0, "id");
  switch (identities.remove_identity(r.actor.id, id, r.remote_address)) {
    case core::identity_removal::removed: break;
    case core::identity_removal::absent:
      refuse(core::error_code::not_found, "Linked sign-in not found");
    case core::identity_removal::only_way_in: return only_way_in(r);
  }
  return no_content();
}

}  // namespace

std::vector<route> identity_routes(core::identity_store& identities) {
  return {
      make_route("GET", "/api/v1/auth/identities",
                 [&](const request& r) { return list_identities(identities, r); }),
      make_route("DELETE", "/api/v1/auth/identities/{id}",
                 [&](const request& r) { return remove_identity(identities, r); }),
  };
}

}  // namespace samovar::net
