// GET /images/history and /images/{id}/history.
#include "net/handlers/all.hpp"
#include "net/handlers/lists.hpp"

namespace samovar::net {

namespace {

reply history(services& s, const request& r, std::optional<core::image_id> image) {
  list_source<core::processing_result> source;
  source.fetch = [&s, actor = r.actor.id, image](const core::page_request& p) {
    return s.results.list_results(actor, image, p);
  };
  source.write = write_history_item;
  return list_reply(r, read_paging(r, false), std::move(source));
}

reply image_history(services& s, const request& r) {
  const auto id = path_id<core::image_id>(r, 0, "id");
  found(s.images.find_image(r.actor.id, id), "Image not found");
  return history(s, r, id);
}

}  // namespace

std::vector<route> history_routes(services& s, access_control&) {
  return {
      make_route("GET", "/api/v1/images/history",
                 [&](const request& r) { return history(s, r, std::nullopt); }),
      make_route("GET", "/api/v1/images/{id}/history",
                 [&](const request& r) { return image_history(s, r); }),
  };
}

}  // namespace samovar::net
