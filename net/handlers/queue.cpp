// GET /queue, POST /queue/pause, POST /queue/resume: a user's own queue.
#include "net/handlers/all.hpp"
#include "net/handlers/support.hpp"

namespace samovar::net {

namespace {

using shared_request = std::shared_ptr<const request>;

reply summary_reply(const core::queue_summary& q) {
  std::string text;
  json_out out(text);
  out.begin_object()
      .field("paused", q.paused)
      .field("queued_jobs", q.queued_jobs)
      .field("running_jobs", q.running_jobs)
      .field("waiting_images", q.waiting_images)
      .end_object();
  return json_reply(std::move(text));
}

// The summary is read before the change, on this pool thread: the answer comes on an actor's
// thread, where no query may be made. The change itself is what the actor says it is.
route pause_route(services& s, const char* path, bool paused) {
  return make_later_route(
      "POST", path, later([&s, paused](const shared_request& r, const respond& respond) {
        auto q = s.jobs.summarize_queue(r->actor.id);
        s.actors.set_queue_paused(r->actor.id, paused,
                                  actors::reply<bool>([r, respond, q](auto outcome) mutable {
                                    if (!outcome)
                                      return respond(error_reply(outcome.failure(), r->request_id));
                                    q.paused = *outcome;
                                    respond(summary_reply(q));
                                  }));
      }));
}

}  // namespace

std::vector<route> queue_routes(services& s, access_control&) {
  return {make_route(
              "GET", "/api/v1/queue",
              [&s](const request& r) { return summary_reply(s.jobs.summarize_queue(r.actor.id)); }),
          pause_route(s, "/api/v1/queue/pause", true),
          pause_route(s, "/api/v1/queue/resume", false)};
}

}  // namespace samovar::net
