// The entries of a zip archive that stores them as they are, as `torch.save` does
// (APPNOTE.TXT 6.3).
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

namespace samovar::model::sam3 {

/// Contents by name: views into `archive`. Throws file_refused for anything else: packed or
/// encrypted entries, several volumes, entries that overlap, lie outside or are named twice.
/// Checksums are not looked at.
std::map<std::string, std::span<const std::byte>> read_stored_zip(
    std::span<const std::byte> archive);

}  // namespace samovar::model::sam3
