#include "fakes.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <sstream>

namespace samovar::net::testing {

using core::error_code;
using core::make_error;

namespace {

/// A page of `rows` (oldest first) by their place in the vector.
template <class T>
core::page<T> page_of(std::vector<T> rows, const core::page_request& p) {
  if (!p.oldest_first) std::reverse(rows.begin(), rows.end());
  core::page<T> out;
  out.total = static_cast<std::int64_t>(rows.size());
  std::size_t begin = 0;
  if (p.after) begin = static_cast<std::size_t>(p.after->at.time_since_epoch().count());
  const auto end = std::min(rows.size(), begin + p.limit);
  for (std::size_t i = begin; i < end; ++i) out.items.push_back(rows[i]);
  if (end < rows.size())
    out.next = core::cursor{core::timestamp{std::chrono::microseconds(end)}, {}};
  return out;
}

core::error not_found(const char* sentence) { return make_error(error_code::not_found, sentence); }

std::string percent_decoded(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      out.push_back(static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16)));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, by);) parts.push_back(part);
  return parts;
}

/// The placeholders' values when the pattern fits; literals are counted in `literals`.
std::optional<std::vector<std::string>> fit(const std::string& pattern, const std::string& path,
                                            int& literals) {
  const auto p = split(pattern, '/'), q = split(path, '/');
  if (p.size() != q.size()) return std::nullopt;
  std::vector<std::string> values;
  literals = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (!p[i].empty() && p[i].front() == '{') {
      values.push_back(percent_decoded(q[i]));
    } else if (p[i] != q[i]) {
      return std::nullopt;
    } else {
      ++literals;
    }
  }
  return values;
}

result_of_call read_reply(reply r) {
  result_of_call out;
  out.status = r.status;
  out.type = r.content_type;
  out.content_length = r.content_length;
  for (const auto& [name, value] : r.headers) out.headers[name] = value;
  if (auto* text = std::get_if<std::string>(&r.body)) out.body = *text;
  if (auto* shared = std::get_if<std::shared_ptr<const std::string>>(&r.body)) out.body = **shared;
  if (auto* source = std::get_if<body_source>(&r.body)) {
    out.streamed = true;
    for (bool more = true; more;) {
      std::string piece;
      more = (*source)(piece);
      out.body += piece;
    }
  }
  return out;
}

}  // namespace

std::string fake_secrets::random_token() const {
  auto text = std::to_string(++counter);
  return std::string(43 - text.size(), 'r') + text;
}
std::string fake_secrets::sha256(std::string_view data) const {
  std::string out = std::to_string(std::hash<std::string_view>{}(data));
  out.resize(32, '#');
  return out;
}

fake_accounts::account* fake_accounts::find(core::user_id id) {
  for (auto& a : accounts)
    if (a.user.id == id) return &a;
  return nullptr;
}
core::status fake_accounts::create_user(const core::new_user& u) {
  for (const auto& a : accounts)
    if (a.user.email == u.email)
      return make_error(error_code::email_taken, "The e-mail address is taken");
  core::user row;
  row.id = u.id;
  row.email = u.email;
  row.display_name = u.display_name;
  row.rights = u.rights;
  accounts.push_back({row, u.password_hash});
  return core::done{};
}
core::status fake_accounts::create_first_admin(const core::new_user& u) {
  if (!accounts.empty()) return make_error(error_code::conflict, "There is a user already");
  auto admin = u;
  admin.rights = core::role::admin;
  return create_user(admin);
}
std::optional<core::login_record> fake_accounts::find_login(const std::string& email) {
  for (const auto& a : accounts)
    if (a.user.email == email)
      return core::login_record{a.user.id, a.hash, a.user.disabled_at.has_value()};
  return std::nullopt;
}
std::optional<core::user> fake_accounts::find_user(core::user_id id) {
  if (away) throw core::store_unavailable("away");
  if (const auto* a = find(id)) return a->user;
  return std::nullopt;
}
std::vector<core::user> fake_accounts::list_users() {
  std::vector<core::user> out;
  for (const auto& a : accounts) out.push_back(a.user);
  return out;
}
core::status fake_accounts::set_display_name(core::user_id id, const std::string& name) {
  find(id)->user.display_name = name;
  return core::done{};
}
core::status fake_accounts::set_password_hash(core::user_id id, const std::string& hash,
                                              std::optional<core::web_session_id> keep) {
  find(id)->hash = hash;
  std::erase_if(sessions, [&](const auto& s) { return s.first.owner == id && s.first.id != keep; });
  return core::done{};
}
core::status fake_accounts::set_disabled(core::user_id id, bool disabled) {
  auto* a = find(id);
  if (!a) return not_found("User not found");
  if (disabled)
    a->user.disabled_at = core::timestamp{};
  else
    a->user.disabled_at.reset();
  return core::done{};
}
core::status fake_accounts::create_api_key(const core::api_key& key, const std::string& sha) {
  keys.emplace_back(key, sha);
  return core::done{};
}
std::vector<core::api_key> fake_accounts::list_api_keys(core::user_id owner) {
  std::vector<core::api_key> out;
  for (const auto& [key, sha] : keys)
    if (key.owner == owner) out.push_back(key);
  return out;
}
core::status fake_accounts::delete_api_key(core::user_id owner, core::api_key_id id) {
  const auto n = std::erase_if(
      keys, [&](const auto& k) { return k.first.owner == owner && k.first.id == id; });
  if (n == 0) return not_found("API key not found");
  return core::done{};
}
core::status fake_accounts::create_web_session(const core::web_session& s, const std::string& sha) {
  sessions.emplace_back(s, sha);
  return core::done{};
}
void fake_accounts::delete_web_session(core::user_id owner, core::web_session_id id) {
  std::erase_if(sessions,
                [&](const auto& s) { return s.first.owner == owner && s.first.id == id; });
}

core::status fake_images::insert_image(core::user_id, const core::image& img) {
  if (refuse_insert) return *refuse_insert;
  rows.push_back(img);
  if (lost_in_doubt) throw core::store_unavailable("away");
  return core::done{};
}
core::page<core::image> fake_images::list_images(core::user_id actor, const core::image_query& q) {
  ++list_calls;
  std::vector<core::image> mine;
  for (const auto& i : rows)
    if (i.owner == actor && (!q.search || i.filename.find(*q.search) != std::string::npos))
      mine.push_back(i);
  return page_of(std::move(mine), q.paging);
}
std::optional<core::image> fake_images::find_image(core::user_id actor, core::image_id id) {
  for (const auto& i : rows)
    if (i.owner == actor && i.id == id) return i;
  return std::nullopt;
}
std::vector<core::image> fake_images::find_images(core::user_id actor,
                                                  std::span<const core::image_id> ids) {
  std::vector<core::image> out;
  std::set<core::image_id> seen;
  for (const auto id : ids)
    if (const auto i = find_image(actor, id); i && seen.insert(id).second) out.push_back(*i);
  return out;
}
core::outcome<core::image> fake_images::set_text_prompt(core::user_id actor, core::image_id id,
                                                        const std::optional<std::string>& text) {
  for (auto& i : rows)
    if (i.owner == actor && i.id == id) {
      i.text_prompt = text;
      return i;
    }
  return not_found("Image not found");
}
core::status fake_images::delete_image(core::user_id actor, core::image_id id) {
  if (std::erase_if(rows, [&](const auto& i) { return i.owner == actor && i.id == id; }) == 0)
    return not_found("Image not found");
  return core::done{};
}

core::outcome<core::bbox_annotation> fake_annotations::add_box(core::user_id actor,
                                                               const core::bbox_annotation& a) {
  const auto image = images.find_image(actor, a.image);
  if (!image) return not_found("Image not found");
  if (auto e = core::check_box(a.prompt.area, {image->width, image->height})) return *e;
  boxes.push_back(a);
  return a;
}
core::outcome<core::page<core::bbox_annotation>> fake_annotations::list_boxes(
    core::user_id actor, core::image_id image, std::optional<core::prompt_type> type,
    const core::page_request& p) {
  if (!images.find_image(actor, image)) return not_found("Image not found");
  std::vector<core::bbox_annotation> out;
  for (const auto& b : boxes)
    if (b.image == image && (!type || b.prompt.type == *type)) out.push_back(b);
  return page_of(std::move(out), p);
}
core::outcome<core::bbox_annotation> fake_annotations::change_box(
    core::user_id actor, core::annotation_id id,
    const std::function<void(core::box_prompt&)>& edit) {
  for (auto& b : boxes) {
    const auto image = images.find_image(actor, b.image);
    if (b.prompt.id != id || !image) continue;
    auto changed = b;
    edit(changed.prompt);
    if (auto e = core::check_box(changed.prompt.area, {image->width, image->height})) return *e;
    b = changed;
    return b;
  }
  return not_found("Annotation not found");
}
core::status fake_annotations::delete_box(core::user_id actor, core::annotation_id id) {
  const auto n = std::erase_if(
      boxes, [&](const auto& b) { return b.prompt.id == id && images.find_image(actor, b.image); });
  if (n == 0) return not_found("Annotation not found");
  return core::done{};
}
core::outcome<core::point_annotation> fake_annotations::add_point(core::user_id actor,
                                                                  const core::point_annotation& a) {
  const auto image = images.find_image(actor, a.image);
  if (!image) return not_found("Image not found");
  if (auto e = core::check_point(a.prompt.at, {image->width, image->height})) return *e;
  points.push_back(a);
  return a;
}
core::outcome<core::page<core::point_annotation>> fake_annotations::list_points(
    core::user_id actor, core::image_id image, const core::page_request& p) {
  if (!images.find_image(actor, image)) return not_found("Image not found");
  std::vector<core::point_annotation> out;
  for (const auto& a : points)
    if (a.image == image) out.push_back(a);
  return page_of(std::move(out), p);
}
core::status fake_annotations::delete_point(core::user_id actor, core::point_id id) {
  const auto n = std::erase_if(points, [&](const auto& a) {
    return a.prompt.id == id && images.find_image(actor, a.image);
  });
  if (n == 0) return not_found("Point annotation not found");
  return core::done{};
}

core::page<core::job> fake_jobs::list_jobs(core::user_id actor,
                                           std::optional<core::job_status> status,
                                           const core::page_request& p) {
  std::vector<core::job> out;
  for (const auto& j : rows)
    if (j.user == actor && (!status || j.status == *status)) out.push_back(j);
  return page_of(std::move(out), p);
}
std::optional<core::job> fake_jobs::find_job(core::user_id actor, core::job_id id) {
  for (const auto& j : rows)
    if (j.user == actor && j.id == id) return j;
  return std::nullopt;
}
core::outcome<std::vector<core::job_image_state>> fake_jobs::list_job_images(core::user_id actor,
                                                                             core::job_id id) {
  if (!find_job(actor, id)) return not_found("Job not found");
  return images[id];
}

std::optional<core::processing_result> fake_results::find_result(core::user_id actor,
                                                                 core::result_id id) {
  for (const auto& r : rows)
    if (r.user == actor && r.id == id) return r;
  return std::nullopt;
}
std::optional<core::processing_result> fake_results::newest_result(core::user_id actor,
                                                                   core::image_id image,
                                                                   core::segmentation_mode mode) {
  for (auto r = rows.rbegin(); r != rows.rend(); ++r)
    if (r->user == actor && r->image == image && r->mode == mode) return *r;
  return std::nullopt;
}
core::page<core::processing_result> fake_results::list_results(core::user_id actor,
                                                               std::optional<core::image_id> image,
                                                               const core::page_request& p) {
  std::vector<core::processing_result> out;
  for (const auto& r : rows)
    if (r.user == actor && (!image || r.image == *image)) out.push_back(r);
  return page_of(std::move(out), p);
}

core::status fake_blobs::put_file(const std::string& key, const std::filesystem::path& file) {
  return put_bytes(key, "bytes of " + file.string());
}
core::status fake_blobs::put_bytes(const std::string& key, std::string_view bytes) {
  if (full) return make_error(error_code::storage_full, "The disk is full");
  blobs[key] = std::string(bytes);
  return core::done{};
}
std::optional<std::string> fake_blobs::read(const std::string& key) {
  const auto at = blobs.find(key);
  if (at == blobs.end()) return std::nullopt;
  return at->second;
}
std::optional<std::string> fake_blobs::read_range(const std::string& key, std::uint64_t offset,
                                                  std::size_t count) {
  const auto all = read(key);
  if (!all) return std::nullopt;
  return all->substr(static_cast<std::size_t>(offset), count);
}
std::optional<std::uint64_t> fake_blobs::size_of(const std::string& key) {
  const auto all = read(key);
  if (!all) return std::nullopt;
  return all->size();
}

core::outcome<core::image_facts> fake_codec::inspect_file(const std::filesystem::path&) {
  if (refuse_upload) return *refuse_upload;
  return core::image_facts{"image/png", "png", 100, 50};
}
core::outcome<std::string> fake_codec::thumbnail(std::string_view bytes, int side_px) {
  ++thumbnails;
  return "thumb " + std::to_string(side_px) + " of " + std::string(bytes);
}
std::string fake_codec::encode_png(std::span<const std::uint8_t> grey, int width, int height) {
  ++pngs;
  return "PNG " + std::to_string(width) + "x" + std::to_string(height) + " " +
         std::string(grey.begin(), grey.end());
}
std::vector<std::vector<double>> fake_codec::polygons(const core::rle& mask) {
  if (core::rle_area(mask) < 4) return {};
  const auto b = core::rle_bounds(mask);
  const double x = b.x, y = b.y, right = b.x + b.width, bottom = b.y + b.height;
  return {{x, y, right, y, right, bottom, x, bottom}};
}

world::world()
    : actors(fake_system()),
      ports{settings{},
            *actors,
            secrets,
            accounts,
            images,
            annotations,
            jobs,
            results,
            blobs,
            codec,
            [] { return true; },
            [this] { return setup_token; },
            [this] {
              ++setups_done;
              setup_token.clear();
            },
            [this] { return ++clock_us; }} {
  me = fresh<core::user_id>();
  other = fresh<core::user_id>();
  for (const auto& [id, email] : {std::pair(me, "me@example.org"), {other, "other@example.org"}})
    accounts.create_user({id, email, "Somebody", "h:correct horse", core::role::user});
  actor.id = me;
  routes = api_routes(ports, access);
  script().on_submit = [](const core::create_job& c) -> core::outcome<actors::submit_answer> {
    core::job_view view;
    view.record.id = c.id;
    view.record.user = c.user;
    view.record.mode = c.mode;
    view.record.priority = c.priority;
    view.record.image_ids = c.image_ids;
    view.record.image_filenames.assign(c.image_ids.size(), "cat.png");
    return actors::submit_answer{std::make_shared<actors::pinned_job>(view), false};
  };
}

core::uuid world::new_id() {
  return core::make_uuid_v7(clock_us / 1000, secrets.random_u64(), secrets.random_u64());
}

std::shared_ptr<std::vector<result_of_call>> world::start(const std::string& method,
                                                          const std::string& target,
                                                          const std::string& body,
                                                          call_options options) {
  auto q = std::make_shared<request>();
  q->method = method;
  const auto mark = target.find('?');
  q->path = target.substr(0, mark);
  if (mark != std::string::npos)
    for (const auto& pair : split(target.substr(mark + 1), '&')) {
      const auto eq = pair.find('=');
      q->query[pair.substr(0, eq)] = percent_decoded(pair.substr(eq + 1));
    }
  q->body = body;
  q->headers = options.headers;
  q->file = options.file;
  q->secure = options.secure;
  q->actor = actor;
  q->request_id = "req-1";
  q->remote_address = "127.0.0.1";
  const route* best = nullptr;
  int best_literals = -1;
  for (const auto& r : routes) {
    int literals = 0;
    const auto values = fit(r.pattern, q->path, literals);
    if (r.method == method && values && literals > best_literals) {
      best = &r;
      best_literals = literals;
      q->path_values = *values;
    }
  }
  BOOST_REQUIRE_MESSAGE(best, "no route for " + method + " " + target);
  auto answers = std::make_shared<std::vector<result_of_call>>();
  const respond collect = [answers](reply r) { answers->push_back(read_reply(std::move(r))); };
  if (!best->try_inline || !best->try_inline(q, collect)) best->handle(q, collect);
  return answers;
}

result_of_call world::call(const std::string& method, const std::string& target,
                           const std::string& body, call_options options) {
  const auto answers = start(method, target, body, std::move(options));
  BOOST_REQUIRE_EQUAL(answers->size(), 1u);
  return answers->front();
}

core::image world::add_image(core::user_id owner, const std::string& filename, core::size size) {
  core::image i;
  i.id = fresh<core::image_id>();
  i.owner = owner;
  i.filename = filename;
  i.blob_path = "users/" + to_string(owner) + "/images/" + to_string(i.id) + ".png";
  i.content_type = "image/png";
  i.byte_size = 10;
  i.sha256 = std::string(64, 'a');
  i.width = size.width;
  i.height = size.height;
  i.created_at = core::timestamp{std::chrono::microseconds(++clock_us)};
  images.rows.push_back(i);
  blobs.blobs[i.blob_path] = "0123456789";
  return i;
}

core::job world::add_job(core::user_id owner, core::job_status status,
                         const std::vector<core::image>& of) {
  core::job j;
  j.id = fresh<core::job_id>();
  j.user = owner;
  j.status = status;
  for (const auto& i : of) {
    j.image_ids.push_back(i.id);
    j.image_filenames.push_back(i.filename);
  }
  jobs.rows.push_back(j);
  return j;
}

core::processing_result world::add_result(const core::image& i, core::segmentation_mode mode,
                                          std::vector<core::detection> detections) {
  core::processing_result r;
  r.id = fresh<core::result_id>();
  r.job = fresh<core::job_id>();
  r.image = i.id;
  r.user = i.owner;
  r.mode = mode;
  r.detections = std::move(detections);
  r.mask_blob_path = "users/" + to_string(i.owner) + "/masks/" + to_string(r.id) + ".png";
  r.coco_json_blob_path = "users/" + to_string(i.owner) + "/coco/" + to_string(r.id) + ".json";
  r.model = "classical/1";
  results.rows.push_back(r);
  return r;
}

core::rle mask_of(const std::vector<std::string>& rows) {
  std::vector<std::uint8_t> pixels;
  for (const auto& row : rows)
    for (const char c : row) pixels.push_back(c == '#');
  const auto width = rows.front().size();
  return core::encode_rle(pixels, static_cast<std::int32_t>(rows.size()),
                          static_cast<std::int32_t>(width), width);
}

std::set<std::string> names_of(const json& object) {
  std::set<std::string> names;
  for (const auto& [name, value] : object.items()) names.insert(name);
  return names;
}

}  // namespace samovar::net::testing
