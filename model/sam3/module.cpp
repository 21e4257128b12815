#include "model/sam3/module.hpp"

#include "model/sam3/segmenter.hpp"

extern "C" int samovar_sam3_interface_number() { return samovar::model::sam3::interface_number; }

extern "C" int samovar_sam3_cuda_devices() { return samovar::model::sam3::cuda_devices(); }

extern "C" samovar::core::segmenter* samovar_sam3_make_segmenter(
    const samovar::model::sam3::segmenter_settings* settings, std::string* why) {
  try {
    return samovar::model::sam3::make_segmenter(*settings).release();
  } catch (const std::exception& e) {  // the boundary: whatever went wrong, the caller is told
    *why = e.what();
    return nullptr;
  }
}
