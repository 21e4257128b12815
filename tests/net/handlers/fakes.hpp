// In-memory ports, and a world in which handlers can be called like a client would.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "fake_actors.hpp"
#include "net/codec.hpp"
#include "net/handlers/all.hpp"

namespace samovar::net::testing {

using nlohmann::json;

struct fake_secrets final : core::secrets {
  mutable int wasted = 0;
  mutable std::uint64_t counter = 0;
  std::string hash_password(std::string_view p) const override { return "h:" + std::string(p); }
  bool verify_password(const std::string& h, std::string_view p) const override {
    return h == "h:" + std::string(p);
  }
  void waste_verification(std::string_view) const override { ++wasted; }
  std::string random_token() const override;
  std::uint64_t random_u64() const override { return ++counter * 0x9E3779B97F4A7C15ULL; }
  std::string sha256(std::string_view data) const override;
};

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

struct fake_accounts final : core::account_store {
  struct account {
    core::user user;
    std::optional<std::string> hash;
  };
  std::vector<account> accounts;
  std::vector<std::pair<core::api_key, std::string>> keys;
  std::vector<std::pair<core::web_session, std::string>> sessions;
  bool away = false;                    ///< the database can't be reached
  std::function<void()> while_finding;  ///< called by find_user

  account* find(core::user_id id);
  std::int64_t count_users() override { return static_cast<std::int64_t>(accounts.size()); }
  core::status create_user(const core::new_user& u, const core::change_origin& by) override;
  core::status create_first_admin(const core::new_user& u, const core::change_origin& by) override;
  std::optional<core::login_record> find_login(const std::string& email) override;
  std::optional<core::user> find_user(core::user_id id) override;
  std::vector<core::user> list_users() override;
  core::page<core::user> list_users(const core::page_request& p) override;
  core::status set_display_name(core::user_id id, const std::string& name,
                                const core::change_origin& by) override;
  core::outcome<std::vector<core::web_session_id>> set_password_hash(
      core::user_id id, const std::string& hash, std::optional<core::web_session_id> keep,
      const core::change_origin& by) override;
  core::status set_disabled(core::user_id id, bool disabled,
                            const core::change_origin& by) override;
  core::outcome<core::user> change_user(core::user_id id, const core::user_changes& changes,
                                        const core::change_origin& by) override;
  core::status delete_user(core::user_id id, const core::change_origin& by) override;
  core::status create_api_key(const core::api_key& key, const std::string& sha,
                              const core::change_origin& by) override;
  std::vector<core::api_key> list_api_keys(core::user_id owner) override;
  core::status delete_api_key(core::user_id owner, core::api_key_id id,
                              const core::change_origin& by) override;
  std::optional<core::acting_user> find_by_api_key(const std::string&) override { return {}; }
  void touch_api_key(core::api_key_id) override {}
  core::status create_web_session(const core::web_session& s, const std::string& sha) override;
  std::optional<core::acting_user> find_by_web_session(const std::string&) override { return {}; }
  bool rotate_web_session(core::web_session_id, const std::string&, const std::string&) override {
    return false;
  }
  bool still_admitted(const core::acting_user&) override { return true; }
  std::vector<core::web_session> list_web_sessions(core::user_id owner) override;
  void delete_web_session(core::user_id owner, core::web_session_id id,
                          const core::change_origin& by) override;
  core::status revoke_web_session(core::user_id owner, core::web_session_id id,
                                  const core::change_origin& by) override;
  std::vector<core::web_session_id> revoke_other_web_sessions(
      core::user_id owner, std::optional<core::web_session_id> keep,
      const core::change_origin& by) override;
  core::change_origin last_by;  ///< of the last change
};

/// Links by their token's digest.
struct fake_links final : core::link_store {
  explicit fake_links(fake_accounts& a) : accounts(a) {}
  fake_accounts& accounts;
  std::map<std::string, core::new_link> open;
  core::status issue(const core::new_link& link, const std::string& sha,
                     const core::change_origin& by) override;
  std::optional<core::account_link> find(const std::string& sha) override;
  std::optional<core::redeemed_link> redeem(const std::string& sha, const std::string& hash,
                                            const std::optional<std::string>& name,
                                            const std::string& address) override;
};

struct fake_audit final : core::audit_store {
  std::vector<core::audit_entry> entries;  ///< oldest first
  std::vector<std::optional<std::string>> failed;
  std::vector<std::string> reads;
  core::audit_query last_query;
  core::audit_page list(const core::audit_query& q) override;
  void sign_in_failed(std::optional<core::user_id>, const std::optional<std::string>& email,
                      const std::string&) override {
    failed.push_back(email);
  }
  void admin_read(const core::change_origin&, const std::string& what) override {
    reads.push_back(what);
  }
};

struct fake_images final : core::image_store {
  std::vector<core::image> rows;  ///< oldest first
  std::optional<core::error> refuse_insert;
  bool lost_in_doubt = false;  ///< insert writes the row and then loses the database
  int list_calls = 0;
  int totals_asked = 0;
  core::status insert_image(core::user_id actor, const core::image& img) override;
  core::page<core::image> list_images(core::user_id actor, const core::image_query& q) override;
  std::optional<core::image> find_image(core::user_id actor, core::image_id id) override;
  std::vector<core::image> find_images(core::user_id actor,
                                       std::span<const core::image_id> ids) override;
  core::outcome<core::image> set_text_prompt(core::user_id actor, core::image_id id,
                                             const std::optional<std::string>& text) override;
  core::status delete_image(core::user_id actor, core::image_id id) override;
};

struct fake_annotations final : core::annotation_store {
  explicit fake_annotations(fake_images& i) : images(i) {}
  fake_images& images;
  std::vector<core::bbox_annotation> boxes;
  std::vector<core::point_annotation> points;
  core::outcome<core::bbox_annotation> add_box(core::user_id actor,
                                               const core::bbox_annotation& a) override;
  core::outcome<core::page<core::bbox_annotation>> list_boxes(core::user_id actor,
                                                              core::image_id image,
                                                              std::optional<core::prompt_type> type,
                                                              const core::page_request& p) override;
  core::outcome<core::bbox_annotation> change_box(
      core::user_id actor, core::annotation_id id,
      const std::function<void(core::box_prompt&)>& edit) override;
  core::status delete_box(core::user_id actor, core::annotation_id id) override;
  core::outcome<core::point_annotation> add_point(core::user_id actor,
                                                  const core::point_annotation& a) override;
  core::outcome<core::page<core::point_annotation>> list_points(
      core::user_id actor, core::image_id image, const core::page_request& p) override;
  core::status delete_point(core::user_id actor, core::point_id id) override;
};

struct fake_jobs final : core::job_store {
  std::vector<core::job> rows;
  std::map<core::job_id, std::vector<core::job_image_state>> images;
  core::page<core::job> list_jobs(core::user_id actor, std::optional<core::job_status> status,
                                  const core::page_request& p) override;
  std::optional<core::job> find_job(core::user_id actor, core::job_id id) override;
  bool paused = false;
  core::queue_summary summarize_queue(core::user_id actor) override;
  core::outcome<core::page<core::job_image_state>> list_job_images(
      core::user_id actor, core::job_id id, const core::page_request& p) override;
  std::vector<core::image_id> failed_images(core::user_id actor, core::job_id id) override;
};

struct fake_results final : core::result_store {
  std::vector<core::processing_result> rows;  ///< oldest first
  std::size_t run_max = 1000;                 ///< images that newest_results does at once
  int runs = 0;                               ///< calls of newest_results
  int prompt_reads = 0;                       ///< calls of add_prompts
  std::optional<core::processing_result> find_result(core::user_id actor,
                                                     core::result_id id) override;
  std::optional<core::processing_result> newest_result(core::user_id actor, core::image_id image,
                                                       core::segmentation_mode mode) override;
  core::result_run newest_results(core::user_id actor, std::span<const core::image_id> images,
                                  core::segmentation_mode mode) override;
  void add_prompts(core::user_id actor, std::span<core::processing_result> results) override;
  core::page<core::processing_result> list_results(core::user_id actor,
                                                   std::optional<core::image_id> image,
                                                   const core::page_request& p) override;
};

struct fake_blobs final : core::blob_store {
  std::map<std::string, std::string> blobs;
  bool full = false;
  std::filesystem::path new_spool_file() override { return {}; }
  core::status put_file(const std::string& key, const std::filesystem::path& file) override;
  core::status put_bytes(const std::string& key, std::string_view bytes) override;
  std::optional<std::string> read(const std::string& key) override;
  std::optional<std::string> read_range(const std::string& key, std::uint64_t offset,
                                        std::size_t count) override;
  std::optional<std::uint64_t> size_of(const std::string& key) override;
  void remove(const std::string& key) override { blobs.erase(key); }
  std::uint64_t free_bytes() override { return 1; }
};

struct fake_codec final : core::image_codec {
  std::optional<core::error> refuse_upload;
  int thumbnails = 0;
  int pngs = 0;
  core::outcome<core::image_facts> inspect_file(const std::filesystem::path&) override;
  core::outcome<core::pixels> decode(std::string_view) override { return core::pixels{}; }
  core::outcome<std::string> thumbnail(std::string_view bytes, int side_px) override;
  /// "PNG <width>x<height> " and the bytes themselves, so that tests can look at them.
  std::string encode_png(std::span<const std::uint8_t> grey, int width, int height) override;
  /// The bounds as one ring; nothing for masks below 4 px.
  std::vector<std::vector<double>> polygons(const core::rle& mask) override;
};

struct fake_access final : access_control {
  std::vector<core::api_key_id> keys;
  std::vector<core::web_session_id> sessions;
  std::vector<core::user_id> users;
  std::vector<core::user_id> browsers;  ///< users whose web sessions ended
  std::vector<std::string> failed;
  bool allow = true;
  void invalidate_key(core::api_key_id id) override { keys.push_back(id); }
  void invalidate_session(core::web_session_id id) override { sessions.push_back(id); }
  void invalidate_user(core::user_id id) override { users.push_back(id); }
  void invalidate_user_sessions(core::user_id id) override { browsers.push_back(id); }
  void invalidate_everything() override {}
  bool allow_sign_in(const std::string&, const std::string&) override { return allow; }
  void sign_in_failed(const std::string& account, const std::string&) override {
    failed.push_back(account);
  }
  bool allow_registration(const std::string&) override { return allow; }
};

struct result_of_call {
  int status = 0;
  std::string type;
  std::string body;
  std::map<std::string, std::string> headers;
  bool streamed = false;
  std::optional<std::uint64_t> content_length;
  json parsed() const { return json::parse(body); }
  std::string code() const { return parsed().at("code"); }
  std::string detail() const { return parsed().at("detail"); }
  std::string field() const { return parsed().value("field", ""); }
};

struct call_options {
  std::map<std::string, std::string> headers;
  std::optional<uploaded_file> file;
  bool secure = false;
};

struct world {
  world();
  /// Two users; `me` acts unless said otherwise.
  core::user_id me, other;
  fake_secrets secrets;
  fake_accounts accounts;
  fake_links links{accounts};
  fake_audit audit;
  fake_images images;
  fake_annotations annotations{images};
  fake_jobs jobs;
  fake_results results;
  fake_blobs blobs;
  fake_codec codec;
  fake_access access;
  std::string setup_token;
  int setups_done = 0;
  std::uint64_t clock_us = 1'764'000'000'000'000;
  std::unique_ptr<actors::system> actors;
  services ports;
  std::vector<route> routes;
  core::acting_user actor;

  /// `target` is a path with an optional query. Answers must have come when this returns.
  result_of_call call(const std::string& method, const std::string& target,
                      const std::string& body = {}, call_options options = {});
  /// The answers so far of a call that may answer later.
  std::shared_ptr<std::vector<result_of_call>> start(const std::string& method,
                                                     const std::string& target,
                                                     const std::string& body = {},
                                                     call_options options = {});

  core::image add_image(core::user_id owner, const std::string& filename = "cat.png",
                        core::size size = {100, 50});
  core::job add_job(core::user_id owner, core::job_status status,
                    const std::vector<core::image>& of);
  core::processing_result add_result(const core::image& i, core::segmentation_mode mode,
                                     std::vector<core::detection> detections);
  template <class Id>
  Id fresh() {
    return Id{new_id()};
  }
  core::uuid new_id();
};

/// A mask from rows of '.' and '#'.
core::rle mask_of(const std::vector<std::string>& rows);
/// The names of an object's members, sorted.
std::set<std::string> names_of(const json& object);

}  // namespace samovar::net::testing
