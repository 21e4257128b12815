// Runs units on one device: fetch, decode, encode (cached), segment.
#pragma once

#include <memory>

#include "core/ports.hpp"

namespace samovar::model {

/// `cache_bytes_max` bounds the encodings kept, least recently used first out, keyed by the image's
/// content hash (one runner has one model). With `needs_pixels` false only the image's header is
/// read, and the segmenter gets pixels with a size and no data.
///
/// Images are decoded ahead (`prepare`) and masks finished (`segmented::rest`) on two threads of
/// the runner's, while the device works on another unit.
///
/// Failures: a deleted or unreadable image and a prompt the model can't do are final; exceptions,
/// lack of memory and internal errors are the machine's fault and retryable. Nothing is thrown.
/// When the device's memory is too small, the cached encodings go first, then the boxes of
/// inside_box are taken in halves; only one that doesn't fit alone fails the unit.
/// device_ms is the time of encode and segment. `blobs` and `codec` must outlive the runner.
std::unique_ptr<core::unit_runner> make_unit_runner(std::unique_ptr<core::segmenter> segmenter,
                                                    core::blob_store& blobs,
                                                    core::image_codec& codec,
                                                    std::size_t cache_bytes_max, bool needs_pixels);

}  // namespace samovar::model
