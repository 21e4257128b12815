// POST/GET /jobs and GET /jobs/{id}. Polls are answered from the board, without a message and
// without the pool; only a job that no session holds costs a query.
#include "net/handlers/jobs.hpp"

#include <algorithm>
#include <charconv>

#include "core/limits.hpp"
#include "net/handlers/all.hpp"
#include "net/handlers/lists.hpp"

namespace samovar::net {

namespace {

using core::error_code;
using shared_request = std::shared_ptr<const request>;

/// Bodies above this are parsed on the pool, not on an I/O thread.
constexpr std::size_t inline_body_bytes_max = 16 * 1024;

core::create_job read_create_job(services& s, const request& r) {
  const json_body body(r.body);
  core::create_job job;
  for (const auto& id : body.ids("image_ids", core::limits::images_per_job_max))
    job.image_ids.push_back(core::image_id{id});
  job.mode = body.mode_or("mode", core::segmentation_mode::inside_box);
  job.force_all = body.boolean_or("force_all", false);
  job.priority = body.integer_or("priority", 0);
  if (std::abs(static_cast<std::int64_t>(job.priority)) > core::limits::priority_abs_max)
    refuse(error_code::validation_failed, "priority must be from -1000 to 1000", "priority");
  if (job.image_ids.empty()) refuse(error_code::no_valid_images, "No valid image IDs provided");
  std::string canonical = "jobs|";
  canonical += core::to_string(job.mode);
  canonical += job.force_all ? "|1|" : "|0|";
  canonical += std::to_string(job.priority);
  for (const auto& id : job.image_ids) canonical += "|" + to_string(id);
  read_idempotency_key(s, r, canonical, job);
  return job;
}

void create(services& s, const shared_request& r, const respond& respond) {
  submit_job(s, read_create_job(s, *r), r, respond);
}

bool try_create(const later& handle, const shared_request& r, const respond& respond) {
  if (r->body.size() > inline_body_bytes_max) return false;
  std::optional<core::error> failure;
  try {
    handle(r, respond);
  } catch (const refused& e) {
    failure = e.reason;
  }
  if (failure) respond(error_reply(*failure, r->request_id));
  return true;
}

void write_listed_job(services& s, json_out& out, const core::job& j,
                      std::optional<core::job_status> filter) {
  const auto pinned = s.actors.board().find(j.user, j.id);
  const bool fresher = pinned && pinned->view().record.version >= j.version &&
                       (!filter || pinned->view().record.status == *filter);
  if (fresher)
    out.raw(*job_json(*pinned));
  else
    out.raw(job_json(core::job_view{j, {}, {}, {}}));
}

reply list_jobs(services& s, const request& r) {
  std::optional<core::job_status> filter;
  if (const auto text = query_value(r, "status")) {
    filter = core::parse_job_status(*text);
    if (!filter)
      refuse(error_code::validation_failed,
             "status must be one of queued, running, completed, failed, cancelled", "status");
  }
  list_source<core::job> source;
  source.fetch = [&s, actor = r.actor.id, filter](const core::page_request& p) {
    return s.jobs.list_jobs(actor, filter, p);
  };
  source.write = [&s, filter](json_out& out, const core::job& j) {
    write_listed_job(s, out, j, filter);
  };
  return list_reply(r, read_paging(r, false), std::move(source));
}

/// Seconds to wait, clamped to the maximum; nullopt without the parameter.
std::optional<std::chrono::milliseconds> read_wait(const request& r) {
  const auto text = query_value(r, "wait");
  if (!text) return std::nullopt;
  double seconds = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc{} || end != text->data() + text->size() || !(seconds >= 0))
    refuse(error_code::validation_failed, "wait must be a number of seconds, 0 or more", "wait");
  seconds = std::min(seconds, static_cast<double>(core::limits::long_poll_s_max));
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

/// 200 with the job, or 304 when the client has this state. `text` is called only when needed.
template <class Text>
reply poll_reply(const request& r, const std::string& etag, Text text) {
  reply out;
  const auto known = r.header("if-none-match");
  if (known && etag_matches(*known, etag)) {
    out.status = 304;
    out.content_type.clear();
  } else {
    out.body = text();
  }
  out.headers.emplace_back("ETag", quoted(etag));
  out.headers.emplace_back("Cache-Control", "private, no-cache");
  return out;
}

reply poll_reply(const request& r, const actors::pinned_job& job) {
  return poll_reply(r, job.etag(), [&] { return job_json(job); });
}

/// Answers from the board; false when the job is not there. Never blocks.
bool poll_board(services& s, const shared_request& r, const respond& respond) {
  const auto id = path_id<core::job_id>(*r, 0, "id");
  const auto wait = read_wait(*r);
  const auto job = s.actors.board().find(r->actor.id, id);
  if (!job) return false;
  const auto known = r->header("if-none-match");
  const bool unchanged = !known || etag_matches(*known, job->etag());
  if (!wait || wait->count() == 0 || !unchanged || core::is_terminal(job->view().record.status)) {
    respond(poll_reply(*r, *job));
    return true;
  }
  s.actors.wait_for_change(r->actor.id, id, job->etag(), *wait,
                           actors::reply<actors::pinned_job_ptr>([r, respond, job](auto outcome) {
                             // No session, or it is going away: the state in hand is still the last
                             // one committed.
                             respond(poll_reply(*r, outcome ? **outcome : *job));
                           }));
  return true;
}

bool try_poll(services& s, const shared_request& r, const respond& respond) {
  std::optional<core::error> failure;
  try {
    return poll_board(s, r, respond);
  } catch (const refused& e) {
    failure = e.reason;
  }
  respond(error_reply(*failure, r->request_id));
  return true;
}

void poll(services& s, const shared_request& r, const respond& respond) {
  if (poll_board(s, r, respond)) return;
  const auto record =
      found(s.jobs.find_job(r->actor.id, path_id<core::job_id>(*r, 0, "id")), "Job not found");
  const core::job_view view{record, {}, {}, {}};
  respond(poll_reply(*r, core::etag_of(view), [&] { return job_json(view); }));
}

}  // namespace

core::job_view find_job(services& s, core::user_id user, core::job_id id) {
  if (const auto pinned = s.actors.board().find(user, id)) return pinned->view();
  return {found(s.jobs.find_job(user, id), "Job not found"), {}, {}, {}};
}

void refuse_ended(const core::job_view& view, const char* sentence) {
  if (core::is_terminal(view.record.status)) refuse(error_code::conflict, sentence);
}

reply job_reply(const actors::pinned_job& job, int status) {
  reply out;
  out.status = status;
  out.body = job_json(job);
  out.headers.emplace_back("ETag", quoted(job.etag()));
  if (status == 201)
    out.headers.emplace_back("Location", "/api/v1/jobs/" + to_string(job.view().record.id));
  return out;
}

void read_idempotency_key(services& s, const request& r, const std::string& canonical,
                          core::create_job& job) {
  const auto key = r.header("idempotency-key");
  if (!key) return;
  const bool printable = std::all_of(key->begin(), key->end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7F;
  });
  if (key->empty() || key->size() > core::limits::idempotency_key_chars_max || !printable)
    refuse(error_code::validation_failed,
           "Idempotency-Key must have 1 to 255 printable ASCII characters", "Idempotency-Key");
  job.idempotency_key = *key;
  job.request_hash = hex(s.secrets.sha256(canonical));
}

void submit_job(services& s, core::create_job job, const shared_request& r,
                const respond& respond) {
  job.id = core::job_id{new_uuid(s)};
  job.user = r->actor.id;
  job.at = now(s);
  s.actors.submit(std::move(job), actors::reply<actors::submit_answer>([r, respond](auto outcome) {
                    if (!outcome)
                      respond(error_reply(outcome.failure(), r->request_id));
                    else
                      respond(job_reply(*outcome->job, outcome->existed ? 200 : 201));
                  }));
}

std::vector<route> job_routes(services& s, access_control&) {
  const later create_later = [&s](const shared_request& r, const respond& respond) {
    create(s, r, respond);
  };
  auto post = make_later_route("POST", "/api/v1/jobs", create_later, body_kind::json);
  post.try_inline = [create_later](const shared_request& r, const respond& respond) {
    return try_create(create_later, r, respond);
  };
  auto get = make_later_route(
      "GET", "/api/v1/jobs/{id}",
      [&s](const shared_request& r, const respond& respond) { poll(s, r, respond); });
  get.try_inline = [&s](const shared_request& r, const respond& respond) {
    return try_poll(s, r, respond);
  };
  return {
      std::move(post),
      make_route("GET", "/api/v1/jobs", [&s](const request& r) { return list_jobs(s, r); }),
      std::move(get),
  };
}

}  // namespace samovar::net
