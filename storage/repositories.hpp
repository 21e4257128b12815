// The read-write repositories, one class per aggregate, all on one pool.
//
// Every query for a user sets the acting user for row-level security and filters by user_id as
// well. All classes may be called from several threads; the pool must outlive them.
#pragma once

#include "core/ports.hpp"
#include "storage/pool.hpp"

namespace samovar::storage {

class account_repository final : public core::account_store {
 public:
  explicit account_repository(pool& connections, core::session_rules rules = {})
      : pool_(connections), rules_(rules) {}

  std::int64_t count_users() override;
  core::status create_user(const core::new_user& u, const core::change_origin& by = {}) override;
  core::status create_first_admin(const core::new_user& u,
                                  const core::change_origin& by = {}) override;
  std::optional<core::login_record> find_login(const std::string& email) override;
  std::optional<core::user> find_user(core::user_id id) override;
  std::vector<core::user> list_users() override;
  core::page<core::user> list_users(const core::page_request& p) override;
  core::status set_display_name(core::user_id id, const std::string& name,
                                const core::change_origin& by = {}) override;
  core::outcome<std::vector<core::web_session_id>> set_password_hash(
      core::user_id id, const std::string& hash, std::optional<core::web_session_id> keep,
      const core::change_origin& by = {}) override;
  core::status set_disabled(core::user_id id, bool disabled,
                            const core::change_origin& by = {}) override;
  core::outcome<core::user> change_user(core::user_id id, const core::user_changes& changes,
                                        const core::change_origin& by = {}) override;
  core::status delete_user(core::user_id id, const core::change_origin& by = {}) override;
  core::status create_api_key(const core::api_key& key, const std::string& secret_sha256,
                              const core::change_origin& by = {}) override;
  std::vector<core::api_key> list_api_keys(core::user_id owner) override;
  core::status delete_api_key(core::user_id owner, core::api_key_id id,
                              const core::change_origin& by = {}) override;
  std::optional<core::acting_user> find_by_api_key(const std::string& secret_sha256) override;
  void touch_api_key(core::api_key_id id) override;

  core::session_rules rules() const override { return rules_; }
  core::status create_web_session(const core::web_session& s,
                                  const std::string& token_sha256) override;
  std::optional<core::acting_user> find_by_web_session(const std::string& token_sha256) override;
  bool rotate_web_session(core::web_session_id id, const std::string& presented_sha256,
                          const std::string& fresh_sha256) override;
  bool still_admitted(const core::acting_user& who) override;
  std::vector<core::web_session> list_web_sessions(core::user_id owner) override;
  void delete_web_session(core::user_id owner, core::web_session_id id,
                          const core::change_origin& by = {}) override;
  core::status revoke_web_session(core::user_id owner, core::web_session_id id,
                                  const core::change_origin& by) override;
  std::vector<core::web_session_id> revoke_other_web_sessions(
      core::user_id owner, std::optional<core::web_session_id> keep,
      const core::change_origin& by) override;

 private:
  pool& pool_;
  core::session_rules rules_;
};

class image_repository final : public core::image_store {
 public:
  explicit image_repository(pool& connections) : pool_(connections) {}

  core::status insert_image(core::user_id actor, const core::image& img) override;
  core::page<core::image> list_images(core::user_id actor, const core::image_query& q) override;
  std::optional<core::image> find_image(core::user_id actor, core::image_id id) override;
  std::vector<core::image> find_images(core::user_id actor,
                                       std::span<const core::image_id> ids) override;
  core::outcome<core::image> set_text_prompt(core::user_id actor, core::image_id id,
                                             const std::optional<std::string>& text) override;
  core::status delete_image(core::user_id actor, core::image_id id) override;

 private:
  pool& pool_;
};

class annotation_repository final : public core::annotation_store {
 public:
  explicit annotation_repository(pool& connections) : pool_(connections) {}

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

 private:
  pool& pool_;
};

class job_repository final : public core::job_store {
 public:
  explicit job_repository(pool& connections) : pool_(connections) {}

  core::page<core::job> list_jobs(core::user_id actor, std::optional<core::job_status> status,
                                  const core::page_request& p) override;
  std::optional<core::job> find_job(core::user_id actor, core::job_id id) override;
  core::queue_summary summarize_queue(core::user_id actor) override;
  core::outcome<core::page<core::job_image_state>> list_job_images(
      core::user_id actor, core::job_id id, const core::page_request& p) override;
  std::vector<core::image_id> failed_images(core::user_id actor, core::job_id id) override;

 private:
  pool& pool_;
};

class result_repository final : public core::result_store {
 public:
  explicit result_repository(pool& connections) : pool_(connections) {}

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

 private:
  pool& pool_;
};

}  // namespace samovar::storage
