#include "net/coco.hpp"

#include "net/codec.hpp"

namespace samovar::net {

namespace {

void write_segmentation(json_out& out, core::image_codec& codec, coco_shape shape,
                        const core::rle& mask) {
  if (shape == coco_shape::polygon) {
    // pycocotools can't read an empty list of polygons.
    if (const auto rings = codec.polygons(mask); !rings.empty()) {
      out.begin_array();
      for (const auto& ring : rings) {
        out.begin_array();
        for (const double c : ring) out.value(c);
        out.end_array();
      }
      out.end_array();
      return;
    }
  }
  write_rle(out, mask, shape != coco_shape::uncompressed);
}

void write_point_prompts(json_out& out, const std::vector<core::point_prompt>& points) {
  out.key("point_prompts").begin_array();
  for (const auto& p : points)
    out.begin_object()
        .field("x", p.at.x)
        .field("y", p.at.y)
        .field("is_positive", p.is_positive)
        .end_object();
  out.end_array();
}

}  // namespace

std::string coco_writer::head() const {
  return R"({"info":{"description":"Samovar segmentation export","version":"1.0"},)"
         R"("licenses":[],"annotations":[)";
}

std::int64_t coco_writer::category_id(const std::string& name) {
  const auto [at, fresh] =
      category_ids_.try_emplace(name, static_cast<std::int64_t>(categories_.size()) + 1);
  if (fresh) categories_.push_back(name);
  return at->second;
}

std::string coco_writer::annotations_of(const core::image& image,
                                        const core::processing_result& result) {
  const auto id = ++image_count_;
  if (!images_.empty()) images_ += ',';
  json_out(images_)
      .begin_object()
      .field("id", id)
      .field("file_name", image.filename)
      .field("width", image.width)
      .field("height", image.height)
      .field("uuid", image.id)
      .end_object();
  const auto used = core::relevant_prompts(result.prompts, result.mode);
  const auto category = category_id(used.text.value_or("object"));
  std::string text;
  json_out out(text);
  for (const auto& d : result.detections) {
    if (annotation_count_ > 0 && text.empty()) text += ',';
    out.begin_object()
        .field("id", ++annotation_count_)
        .field("image_id", id)
        .field("category_id", category)
        .key("bbox");
    write_bbox(out, d.bounds);
    out.field("area", d.area).field("iscrowd", std::int64_t{0}).field("score", d.score);
    out.key("segmentation");
    write_segmentation(out, codec_, shape_, d.mask);
    if (result.mode == core::segmentation_mode::point) write_point_prompts(out, used.points);
    out.end_object();
  }
  return text;
}

std::string coco_writer::tail() const {
  std::string text = "],\"images\":[" + images_ + "],\"categories\":";
  json_out out(text);
  out.begin_array();
  std::int64_t id = 0;
  for (const auto& name : categories_)
    out.begin_object()
        .field("id", ++id)
        .field("name", name)
        .field("supercategory", "object")
        .end_object();
  // A dataset without images still needs one category to be of use to tools.
  if (categories_.empty())
    out.begin_object()
        .field("id", std::int64_t{1})
        .field("name", "object")
        .field("supercategory", "object")
        .end_object();
  out.end_array();
  return text + "}";
}

std::string coco_json(core::image_codec& codec, coco_shape shape, const core::image& image,
                      const core::processing_result& result) {
  coco_writer writer(codec, shape);
  auto text = writer.head();
  text += writer.annotations_of(image, result);
  return text + writer.tail();
}

}  // namespace samovar::net
