// Pages of lists, by the position of their last row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/ids.hpp"
#include "core/time.hpp"

namespace samovar::core {

/// Keyset position: the last row of the page before, in (created_at, id) order.
struct cursor {
  timestamp at{};
  uuid id;
  friend bool operator==(const cursor&, const cursor&) = default;
};

struct page_request {
  std::size_t limit = 1000;  ///< 1..limits::list_page_max
  std::optional<cursor> after;
  bool oldest_first = false;
  bool with_total = true;  ///< false: nobody looks at `page::total`, and it need not be counted
};

template <class T>
struct page {
  std::vector<T> items;
  std::optional<cursor> next;  ///< set when there may be more
  std::int64_t total = 0;      ///< all that match, or 0 where the list is an array (no total)
};

}  // namespace samovar::core
