// What an uploaded file says about itself before any decoder sees it.
#include "core/geometry.hpp"
#include "model/header.hpp"
#include "tests/fuzz/target.hpp"

namespace samovar::fuzz {

const char* const target_name = "image_header";

void run_target(std::string_view bytes) {
  const auto kind = model::sniff(bytes);
  const auto header = model::read_header(bytes);
  const int orientation = model::exif_orientation(bytes);
  require(orientation >= 1 && orientation <= 8, "an orientation is 1 to 8");
  if (!header.ok()) {
    require(core::http_status(header.failure().code) == 415, "no image is 415");
    return;
  }
  require(kind && *kind == header->kind, "the first bytes tell the format");
  require(header->orientation >= 1 && header->orientation <= 8, "an orientation is 1 to 8");
  require(header->width >= 0 && header->height >= 0, "sizes are not negative");
  if (header->orientation_at != 0)
    require(header->orientation_at < bytes.size(), "the tag is in the file");
  require(!model::content_type_of(header->kind).empty(), "a format has a type");
  model::check_whole(*header, bytes);
  if (header->width < 30'000 && header->height < 30'000) {
    const auto size = model::oriented_size(*header);
    require(std::int64_t{size.width} * size.height == header->width * header->height,
            "turning keeps the area");
  }
}

}  // namespace samovar::fuzz
