#include "storage/import_rebuild.hpp"

#include "storage/import_detections.hpp"

namespace samovar::storage {

rebuilt_result rebuild_result(const old_result& r, import_blob_source& files,
                              core::image_codec& codec) {
  rebuilt_result out;
  if (const auto coco = files.read(r.coco_path)) {
    out.detections = import_coco(*coco, r.image);
    if (out.detections) return out;
    out.why = "its COCO file " + r.coco_path + " is not readable";
  } else {
    out.why = "its COCO file " + r.coco_path + " is missing";
  }
  out.from_mask = true;
  const auto mask = files.read(r.mask_path);
  if (!mask) {
    out.why += ", and so is its mask " + r.mask_path;
    return out;
  }
  const auto pixels = codec.decode(*mask);
  if (pixels.ok())
    out.detections = import_union_mask(*pixels);
  else
    out.why += ", and its mask " + r.mask_path + " is not readable";
  return out;
}

}  // namespace samovar::storage
