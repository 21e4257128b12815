#include "net/handlers/renderings.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace samovar::net {

namespace {

// Named in storage/migrations/004_admin.sql as well: a new size needs a new migration.
constexpr std::array kept_sizes_px{64, 128, 256, 512, 1024};

std::string thumbnail_key(core::user_id user, core::image_id image, int side_px) {
  return "users/" + to_string(user) + "/thumbnails/" + to_string(image) + "-" +
         std::to_string(side_px) + ".jpg";
}

std::vector<std::uint8_t> blank(core::size size) {
  return std::vector<std::uint8_t>(static_cast<std::size_t>(size.width) *
                                   static_cast<std::size_t>(size.height));
}

/// Painting does not check, and stored rows may be older than this program.
void paint(const core::rle& mask, std::uint8_t on, std::vector<std::uint8_t>& grey,
           core::size size) {
  if (mask.width != size.width || mask.height != size.height)
    throw std::runtime_error("a result's masks differ in size");
  core::paint_rle(mask, on, grey);
}

}  // namespace

std::string thumbnail_of(services& s, const core::image& i, int side_px) {
  const bool kept =
      std::find(kept_sizes_px.begin(), kept_sizes_px.end(), side_px) != kept_sizes_px.end();
  const auto key = thumbnail_key(i.owner, i.id, side_px);
  if (kept)
    if (auto known = s.blobs.read(key)) return std::move(*known);
  const auto bytes = found(s.blobs.read(i.blob_path), "Image not found");
  auto jpeg = take(s.codec.thumbnail(bytes, side_px));
  // A full disk must not hide a picture that is already in hand: the status is not looked at.
  if (kept) static_cast<void>(s.blobs.put_bytes(key, jpeg));
  return jpeg;
}

void remove_thumbnails(services& s, core::user_id user, core::image_id image) {
  for (const int side_px : kept_sizes_px) s.blobs.remove(thumbnail_key(user, image, side_px));
}

std::string combined_mask(services& s, const core::processing_result& r, core::size image) {
  if (auto known = s.blobs.read(r.mask_blob_path)) return std::move(*known);
  auto grey = blank(image);
  for (const auto& d : r.detections) paint(d.mask, 255, grey, image);
  auto png = s.codec.encode_png(grey, image.width, image.height);
  // As above: a rendering that can't be kept is still an answer.
  static_cast<void>(s.blobs.put_bytes(r.mask_blob_path, png));
  return png;
}

std::string instance_mask(services& s, const core::processing_result& r, std::size_t instance) {
  const auto& mask = r.detections.at(instance).mask;
  return s.codec.encode_png(core::decode_rle(mask), mask.width, mask.height);
}

std::string indexed_mask(services& s, const core::processing_result& r, core::size image) {
  if (r.detections.size() > 255)
    refuse(core::error_code::validation_failed,
           "format=indexed holds at most 255 instances; ask for one with instance", "format");
  auto grey = blank(image);
  for (std::size_t k = r.detections.size(); k-- > 0;)
    paint(r.detections[k].mask, static_cast<std::uint8_t>(k + 1), grey, image);
  return s.codec.encode_png(grey, image.width, image.height);
}

core::size mask_size(services& s, const core::processing_result& r) {
  if (!r.detections.empty()) {
    const auto& m = r.detections.front().mask;
    return {m.width, m.height};
  }
  const auto i = found(s.images.find_image(r.user, r.image), "Image not found");
  return {i.width, i.height};
}

}  // namespace samovar::net
