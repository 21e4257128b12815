#include "core/errors.hpp"
#include "net/codec.hpp"
#include "net/exchange.hpp"
#include "net/list_text.hpp"

namespace samovar::net {

reply error_reply(const core::error& e, const std::string& request_id) {
  std::string body;
  json_out out(body);
  out.begin_object();
  out.field("detail", e.detail).field("code", core::to_string(e.code));
  if (!e.field.empty()) out.field("field", e.field);
  out.field("request_id", request_id).end_object();
  reply r;
  r.status = core::http_status(e.code);
  r.body = std::move(body);
  if (r.status == 503) r.headers.emplace_back("Retry-After", "1");
  if (r.status == 429) r.headers.emplace_back("Retry-After", "10");
  if (r.status == 401) r.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"samovar\"");
  return r;
}

void write_user_members(json_out& out, const core::user& u) {
  out.field("id", u.id)
      .field("email", u.email)
      .field("display_name", u.display_name)
      .field("role", core::to_string(u.rights))
      .field("max_concurrent_jobs", u.max_concurrent_jobs)
      .field("max_images", u.max_images)
      .field("max_storage_mb", u.max_storage_mb)
      .field("image_count", u.image_count)
      .field("storage_bytes", u.storage_bytes)
      .field("running_jobs", u.running_jobs)
      .field("share_weight", u.share_weight)
      .field("created_at", u.created_at);
}

void write_image(json_out& out, const core::image& i) {
  out.begin_object()
      .field("id", i.id)
      .field("filename", i.filename)
      .field("blob_path", i.blob_path)
      .field("width", i.width)
      .field("height", i.height)
      .field("created_at", i.created_at)
      .field("text_prompt", i.text_prompt)
      .field("byte_size", i.byte_size)
      .field("content_type", i.content_type)
      .end_object();
}

void write_annotation(json_out& out, const core::bbox_annotation& a) {
  out.begin_object()
      .field("id", a.prompt.id)
      .field("image_id", a.image)
      .field("bbox_x", a.prompt.area.x)
      .field("bbox_y", a.prompt.area.y)
      .field("bbox_width", a.prompt.area.width)
      .field("bbox_height", a.prompt.area.height)
      .field("prompt_type", core::to_string(a.prompt.type))
      .field("created_at", a.created_at)
      .end_object();
}

void write_point_annotation(json_out& out, const core::point_annotation& a) {
  out.begin_object()
      .field("id", a.prompt.id)
      .field("image_id", a.image)
      .field("point_x", a.prompt.at.x)
      .field("point_y", a.prompt.at.y)
      .field("is_positive", a.prompt.is_positive)
      .field("created_at", a.created_at)
      .end_object();
}

void write_api_key_members(json_out& out, const core::api_key& k) {
  out.field("id", k.id)
      .field("name", k.name)
      .field("prefix", k.prefix)
      .field("read_only", k.read_only)
      .field("created_at", k.created_at)
      .field("expires_at", k.expires_at)
      .field("last_used_at", k.last_used_at);
}

void write_job_image(json_out& out, const core::job_image_state& s) {
  out.begin_object()
      .field("image_id", s.image)
      .field("filename", s.filename)
      .field("state", core::to_string(s.state))
      .field("error", s.error)
      .field("result_id", s.result)
      .end_object();
}

void write_rle(json_out& out, const core::rle& mask, bool compressed) {
  out.begin_object().key("size").begin_array().value(mask.height).value(mask.width).end_array();
  out.key("counts");
  if (compressed) {
    out.value(core::to_coco_string(mask));
  } else {
    out.begin_array();
    for (const auto run : mask.counts) out.value(run);
    out.end_array();
  }
  out.end_object();
}

void write_bbox(json_out& out, const core::box& b) {
  out.begin_array().value(b.x).value(b.y).value(b.width).value(b.height).end_array();
}

void write_history_item(json_out& out, const core::processing_result& r) {
  const auto used = core::relevant_prompts(r.prompts, r.mode);
  out.begin_object()
      .field("id", r.id)
      .field("job_id", r.job)
      .field("image_id", r.image)
      .field("mode", core::to_string(r.mode))
      .field("processed_at", r.processed_at)
      .key("bboxes");
  if (r.mode == core::segmentation_mode::find_all) {
    out.begin_array();
    for (const auto& d : r.detections)
      out.begin_object()
          .field("x", d.bounds.x)
          .field("y", d.bounds.y)
          .field("width", d.bounds.width)
          .field("height", d.bounds.height)
          .end_object();
    out.end_array();
  } else {
    out.null();
  }
  out.field("mask_blob_path", r.mask_blob_path).field("text_prompt_used", used.text);
  out.key("point_count");
  if (used.points.empty())
    out.null();
  else
    out.value(static_cast<std::int64_t>(used.points.size()));
  out.key("scores").begin_array();
  for (const auto& d : r.detections) out.value(d.score);
  out.end_array().field("model", r.model).end_object();
}

void write_detections(json_out& out, const std::vector<core::detection>& detections,
                      core::image_codec& codec) {
  out.begin_array();
  for (const auto& d : detections) {
    out.begin_object().key("bbox");
    write_bbox(out, d.bounds);
    out.field("score", d.score).field("area", d.area).key("segmentation");
    write_rle(out, d.mask, true);
    out.key("polygon").begin_array();
    for (const auto& ring : codec.polygons(d.mask)) {
      out.begin_array();
      for (const double c : ring) out.value(c);
      out.end_array();
    }
    out.end_array().end_object();
  }
  out.end_array();
}

std::string result_json(const core::processing_result& r, core::size image,
                        core::image_codec& codec) {
  std::string text;
  json_out out(text);
  out.begin_object()
      .field("id", r.id)
      .field("job_id", r.job)
      .field("image_id", r.image)
      .field("mode", core::to_string(r.mode))
      .field("processed_at", r.processed_at)
      .field("model", r.model)
      .field("device_ms", r.device_ms)
      .field("width", image.width)
      .field("height", image.height)
      .key("detections");
  write_detections(out, r.detections, codec);
  out.end_object();
  return text;
}

std::string job_json(const core::job_view& view) {
  const auto& j = view.record;
  std::string text;
  const auto ids = ids_text(j.image_ids);
  const auto names = names_text(j.image_filenames);
  text.reserve(640 + ids->size() + names->size());
  json_out out(text);
  out.begin_object()
      .field("id", j.id)
      .field("mode", core::to_string(j.mode))
      .field("status", core::to_string(j.status))
      .key("image_ids")
      .raw(*ids)
      .key("image_filenames")
      .raw(*names)
      .field("current_index", j.current_index)
      .field("image_count", static_cast<std::int64_t>(j.image_ids.size()))
      .field("processed_count", j.current_index)
      .field("failed_count", j.failed_count)
      .field("current_image_filename", view.current_image_filename)
      .field("is_running", j.status == core::job_status::running)
      .field("created_at", j.created_at)
      .field("started_at", j.started_at)
      .field("completed_at", j.completed_at)
      .field("error", j.error)
      .field("priority", j.priority)
      .field("queue_position", view.queue_position)
      .field("eta_seconds", view.eta_seconds)
      .field("version", j.version)
      .end_object();
  return text;
}

std::shared_ptr<const std::string> job_json(const actors::pinned_job& job) {
  if (auto known = job.rendered()) return known;
  auto text = std::make_shared<const std::string>(job_json(job.view()));
  job.remember(text);
  return text;
}

}  // namespace samovar::net
