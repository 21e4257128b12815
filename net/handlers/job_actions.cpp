// GET /jobs/{id}/images, POST /jobs/{id}/cancel, POST /jobs/{id}/retry, PATCH /jobs/{id}.
#include <algorithm>
#include <cstdlib>
#include <unordered_set>
#include <utility>

#include "core/limits.hpp"
#include "net/handlers/all.hpp"
#include "net/handlers/jobs.hpp"
#include "net/handlers/lists.hpp"

namespace samovar::net {

namespace {

using core::error_code;
using shared_request = std::shared_ptr<const request>;
using image_states = std::vector<core::job_image_state>;

void show_running(image_states& states, const std::vector<core::image_id>& running) {
  for (auto& state : states)
    if (state.state == core::unit_state::waiting &&
        std::find(running.begin(), running.end(), state.image) != running.end())
      state.state = core::unit_state::running;
}

/// The first page is read before the session is asked what runs, whose answer comes on a thread
/// where no query may be made; the later ones are read while the body is sent.
struct job_image_pages {
  services& s;
  core::user_id actor;
  core::job_id job;
  std::optional<core::page<core::job_image_state>> first;
  std::vector<core::image_id> running{};

  core::page<core::job_image_state> operator()(const core::page_request& p) {
    auto page = first ? *std::exchange(first, {}) : take(s.jobs.list_job_images(actor, job, p));
    show_running(page.items, running);
    return page;
  }
};

void job_images(services& s, const shared_request& r, const respond& respond) {
  const auto id = path_id<core::job_id>(*r, 0, "id");
  const auto paging = read_paging(*r, true);
  const auto pages = std::make_shared<job_image_pages>(
      job_image_pages{s, r->actor.id, id, take(s.jobs.list_job_images(r->actor.id, id, paging))});
  const auto answer = [r, respond, paging, pages] {
    respond(list_reply<core::job_image_state>(
        *r, paging, {[pages](const auto& p) { return (*pages)(p); }, write_job_image, ""}));
  };
  const auto pinned = s.actors.board().find(r->actor.id, id);
  if (!pinned || pinned->view().record.status != core::job_status::running) return answer();
  s.actors.running_images(r->actor.id, id,
                          actors::reply<std::vector<core::image_id>>([pages, answer](auto outcome) {
                            // Without an answer the list is still right, only a little older.
                            if (outcome) pages->running = std::move(*outcome);
                            answer();
                          }));
}

actors::reply<actors::pinned_job_ptr> answer_with_job(const shared_request& r,
                                                      const respond& respond) {
  return actors::reply<actors::pinned_job_ptr>([r, respond](auto outcome) {
    if (outcome)
      respond(job_reply(**outcome, 200));
    else
      respond(error_reply(outcome.failure(), r->request_id));
  });
}

void cancel(services& s, const shared_request& r, const respond& respond) {
  const auto id = path_id<core::job_id>(*r, 0, "id");
  const auto view = find_job(s, r->actor.id, id);
  // Cancelling twice asks for nothing new.
  if (view.record.status == core::job_status::cancelled) return respond(json_reply(job_json(view)));
  refuse_ended(view, "The job has already ended");
  s.actors.cancel(r->actor.id, id, answer_with_job(r, respond));
}

void retry(services& s, const shared_request& r, const respond& respond) {
  const auto id = path_id<core::job_id>(*r, 0, "id");
  const auto view = find_job(s, r->actor.id, id);
  if (!core::is_terminal(view.record.status))
    refuse(error_code::conflict, "The job has not ended yet");
  core::create_job job;
  const auto failed = s.jobs.failed_images(r->actor.id, id);
  const std::unordered_set<core::image_id> again(failed.begin(), failed.end());
  for (const auto& image : view.record.image_ids)
    if (again.contains(image)) job.image_ids.push_back(image);
  if (job.image_ids.empty()) refuse(error_code::conflict, "The job has no failed images");
  job.mode = view.record.mode;
  job.priority = view.record.priority;
  job.force_all = true;
  read_idempotency_key(s, *r, "retry|" + to_string(id), job);
  submit_job(s, std::move(job), r, respond);
}

void change_priority(services& s, const shared_request& r, const respond& respond) {
  const auto id = path_id<core::job_id>(*r, 0, "id");
  const json_body body(r->body);
  const auto priority = body.integer("priority");
  if (std::abs(static_cast<std::int64_t>(priority)) > core::limits::priority_abs_max)
    refuse(error_code::validation_failed, "priority must be from -1000 to 1000", "priority");
  refuse_ended(find_job(s, r->actor.id, id), "The job has already ended");
  s.actors.set_priority(r->actor.id, id, priority, answer_with_job(r, respond));
}

}  // namespace

std::vector<route> job_action_routes(services& s, access_control&) {
  const auto bound = [&s](auto f) {
    return later([&s, f](const shared_request& r, const respond& respond) { f(s, r, respond); });
  };
  return {
      make_later_route("GET", "/api/v1/jobs/{id}/images", bound(job_images)),
      make_later_route("POST", "/api/v1/jobs/{id}/cancel", bound(cancel)),
      make_later_route("POST", "/api/v1/jobs/{id}/retry", bound(retry)),
      make_later_route("PATCH", "/api/v1/jobs/{id}", bound(change_priority), body_kind::json),
  };
}

}  // namespace samovar::net
