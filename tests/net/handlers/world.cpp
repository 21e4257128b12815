#include <boost/test/unit_test.hpp>
#include <sstream>

#include "fakes.hpp"
#include "net/handlers/oidc.hpp"

namespace samovar::net::testing {

namespace {

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

/// Nobody has an identity; what is done with them is tested in the database and end to end.
struct no_identities final : core::identity_store {
  std::optional<core::identity_owner> find_identity(const std::string&,
                                                    const std::string&) override {
    return std::nullopt;
  }
  core::status create_user_with_identity(const core::identity&, const std::string&,
                                         const std::string&, const std::string&) override {
    return core::done{};
  }
  core::status link_identity(const core::identity&, const std::string&) override {
    return core::done{};
  }
  void note_sign_in(core::identity_id, const std::optional<std::string>&) override {}
  bool apply_admin_group(core::user_id, bool, const std::string&) override { return false; }
  std::vector<core::identity> list_identities(core::user_id) override { return {}; }
  core::identity_removal remove_identity(core::user_id, core::identity_id,
                                         const std::string&) override {
    return core::identity_removal::absent;
  }
};

}  // namespace

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
            links,
            audit,
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
    accounts.create_user({id, email, "Somebody", "h:correct horse", core::role::user}, {});
  actor.id = me;
  routes = api_routes(ports, access);
  static no_identities identities;
  for (auto& r : oidc_routes(ports, access, identities, nullptr)) routes.push_back(std::move(r));
  for (auto& r : identity_routes(identities)) routes.push_back(std::move(r));
  script().on_submit = [](const core::create_job& c) -> core::outcome<actors::submit_answer> {
    core::job_view view;
    view.record.id = c.id;
    view.record.user = c.user;
    view.record.mode = c.mode;
    view.record.priority = c.priority;
    view.record.image_ids = c.image_ids;
    view.record.image_filenames = std::vector<std::string>(c.image_ids.size(), "cat.png");
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
    const bool fits = r.method == (method == "HEAD" ? "GET" : method);
    if (fits && values && literals > best_literals) {
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
  std::vector<core::image_id> ids;
  std::vector<std::string> names;
  for (const auto& i : of) {
    ids.push_back(i.id);
    names.push_back(i.filename);
  }
  j.image_ids = std::move(ids);
  j.image_filenames = std::move(names);
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
