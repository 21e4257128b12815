#include "model/segment_file.hpp"

#include <fstream>
#include <iterator>

namespace samovar::model {

core::outcome<std::vector<core::detection>> segment_file(const std::filesystem::path& file,
                                                         const std::vector<core::box>& areas,
                                                         const std::string& text,
                                                         core::segmenter& segmenter,
                                                         core::image_codec& codec) {
  std::ifstream in(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in && bytes.empty())
    return core::make_error(core::error_code::not_found, "The image file cannot be read.");
  auto decoded = codec.decode(bytes);
  if (!decoded.ok()) return decoded.failure();
  const auto image = std::make_shared<const core::pixels>(std::move(*decoded));
  core::image_prompts prompts;
  for (const auto& area : areas) {
    if (const auto bad = core::check_box(area, {image->width, image->height})) return *bad;
    prompts.boxes.push_back({{}, area, core::prompt_type::segment});
  }
  const core::cancel_token never;
  const auto code = segmenter.encode(image, never);
  if (!code.ok()) return code.failure();
  std::vector<core::detection> out;
  if (!areas.empty()) {
    auto found = segmenter.segment(**code, core::segmentation_mode::inside_box, prompts, never);
    if (!found.ok()) return found;
    out = std::move(*found);
  }
  if (!text.empty()) {
    prompts.text = text;
    auto found = segmenter.segment(**code, core::segmentation_mode::find_all, prompts, never);
    if (!found.ok()) return found;
    std::move(found->begin(), found->end(), std::back_inserter(out));
  }
  return out;
}

}  // namespace samovar::model
