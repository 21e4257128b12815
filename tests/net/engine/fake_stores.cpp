#include "fake_stores.hpp"

#include <stdexcept>

namespace samovar::tests {

namespace {

using namespace core;

[[noreturn]] void never() { throw std::logic_error("the engine called a port of the handlers"); }

struct images final : image_store {
  status insert_image(user_id, const image&) override { never(); }
  page<image> list_images(user_id, const image_query&) override { never(); }
  std::optional<image> find_image(user_id, image_id) override { never(); }
  std::vector<image> find_images(user_id, std::span<const image_id>) override { never(); }
  outcome<image> set_text_prompt(user_id, image_id, const std::optional<std::string>&) override {
    never();
  }
  status delete_image(user_id, image_id) override { never(); }
};

struct notes final : annotation_store {
  outcome<bbox_annotation> add_box(user_id, const bbox_annotation&) override { never(); }
  outcome<page<bbox_annotation>> list_boxes(user_id, image_id, std::optional<prompt_type>,
                                            const page_request&) override {
    never();
  }
  outcome<bbox_annotation> change_box(user_id, annotation_id,
                                      const std::function<void(box_prompt&)>&) override {
    never();
  }
  status delete_box(user_id, annotation_id) override { never(); }
  outcome<point_annotation> add_point(user_id, const point_annotation&) override { never(); }
  outcome<page<point_annotation>> list_points(user_id, image_id, const page_request&) override {
    never();
  }
  status delete_point(user_id, point_id) override { never(); }
};

struct jobs final : job_store {
  page<job> list_jobs(user_id, std::optional<job_status>, const page_request&) override { never(); }
  std::optional<job> find_job(user_id, job_id) override { never(); }
  queue_summary summarize_queue(user_id) override { never(); }
  outcome<page<job_image_state>> list_job_images(user_id, job_id, const page_request&) override {
    never();
  }
  std::vector<image_id> failed_images(user_id, job_id) override { never(); }
};

struct results final : result_store {
  std::optional<processing_result> find_result(user_id, result_id) override { never(); }
  std::optional<processing_result> newest_result(user_id, image_id, segmentation_mode) override {
    never();
  }
  result_run newest_results(user_id, std::span<const image_id>, segmentation_mode) override {
    never();
  }
  void add_prompts(user_id, std::span<processing_result>) override { never(); }
  page<processing_result> list_results(user_id, std::optional<image_id>,
                                       const page_request&) override {
    never();
  }
};

struct codec final : image_codec {
  outcome<image_facts> inspect_file(const std::filesystem::path&) override { never(); }
  outcome<pixels> decode(std::string_view) override { never(); }
  outcome<std::string> thumbnail(std::string_view, int) override { never(); }
  std::string encode_png(std::span<const std::uint8_t>, int, int) override { never(); }
  std::vector<std::vector<double>> polygons(const rle&) override { never(); }
};

struct links final : link_store {
  status issue(const new_link&, const std::string&, const change_origin&) override { never(); }
  std::optional<account_link> find(const std::string&) override { never(); }
  std::optional<redeemed_link> redeem(const std::string&, const std::string&,
                                      const std::optional<std::string>&,
                                      const std::string&) override {
    never();
  }
};

struct audit final : audit_store {
  audit_page list(const audit_query&) override { never(); }
  void sign_in_failed(std::optional<user_id>, const std::optional<std::string>&,
                      const std::string&) override {
    never();
  }
  void admin_read(const change_origin&, const std::string&) override { never(); }
};

struct log final : job_log {
  std::int64_t begin_epoch() override { never(); }
  std::vector<write_outcome> commit(std::span<const write_command>) override { never(); }
  std::vector<open_job> take_open_jobs(std::optional<user_id>) override { never(); }
};

}  // namespace

core::image_store& unused_images() {
  static images x;
  return x;
}
core::annotation_store& unused_notes() {
  static notes x;
  return x;
}
core::job_store& unused_jobs() {
  static jobs x;
  return x;
}
core::result_store& unused_results() {
  static results x;
  return x;
}
core::image_codec& unused_codec() {
  static codec x;
  return x;
}
core::link_store& unused_links() {
  static links x;
  return x;
}
core::audit_store& unused_audit() {
  static audit x;
  return x;
}
core::job_log& unused_log() {
  static log x;
  return x;
}

}  // namespace samovar::tests
