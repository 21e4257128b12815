// Keyset paging in (time, id) order, shared by every list query.
#pragma once

#include <string>

#include "core/paging.hpp"

namespace samovar::storage {

/// Where a page begins, as literals; without a cursor the far end of the order.
struct keyset {
  std::string at;
  core::uuid id;
  std::int64_t fetch;  ///< one more than asked, to know whether there is a next page

  explicit keyset(const core::page_request& p) : fetch(static_cast<std::int64_t>(p.limit) + 1) {
    if (p.after) {
      at = core::to_rfc3339(p.after->at);
      id = p.after->id;
    } else if (p.oldest_first) {
      at = "-infinity";
    } else {
      at = "infinity";
      id.bytes.fill(0xff);
    }
  }
};

/// Cuts the extra row off and sets `next`. `at` and `id` give an item's position.
template <class T, class At, class Id>
void finish_page(core::page<T>& page, std::size_t limit, At at, Id id) {
  if (page.items.size() <= limit) return;
  page.items.resize(limit);
  if (limit > 0) page.next = core::cursor{at(page.items.back()), id(page.items.back())};
}

}  // namespace samovar::storage
