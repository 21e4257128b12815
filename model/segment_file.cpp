#include "model/segment_file.hpp"

#include <fstream>
#include <iterator>

namespace samovar::model {

core::outcome<std::vector<core::detection>> segment_file(const std::filesystem::path& file,
                                                         const core::box& area,
                                                         core::segmenter& segmenter,
                                                         core::image_codec& codec) {
  std::ifstream in(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in && bytes.empty())
    return core::make_error(core::error_code::not_found, "The image file cannot be read.");
  auto decoded = codec.decode(bytes);
  if (!decoded.ok()) return decoded.failure();
  const auto image = std::make_shared<const core::pixels>(std::move(*decoded));
  if (const auto bad = core::check_box(area, {image->width, image->height})) return *bad;
  const core::cancel_token never;
  const auto code = segmenter.encode(image, never);
  if (!code.ok()) return code.failure();
  core::image_prompts prompts;
  core::box_prompt box;
  box.area = area;
  prompts.boxes.push_back(box);
  return segmenter.segment(**code, core::segmentation_mode::inside_box, prompts, never);
}

}  // namespace samovar::model
