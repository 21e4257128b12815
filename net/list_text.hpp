// The JSON of long lists that many states of a job share, rendered once for all of them.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "core/jobs.hpp"

namespace samovar::net {

/// Texts by the list they show, for as long as the list lives; the least recently used goes first.
/// Thread-safe.
class list_texts {
 public:
  explicit list_texts(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  std::shared_ptr<const std::string> find_or_make(const std::shared_ptr<const void>& list,
                                                  const std::function<std::string()>& render);
  std::size_t bytes() const;

 private:
  struct entry {
    std::weak_ptr<const void> list;
    const void* address = nullptr;  ///< may come again for another list once this one has died
    std::shared_ptr<const std::string> text;
  };
  void drop_dead();

  std::size_t bytes_max_;
  mutable std::mutex mutex_;
  std::list<entry> entries_;  ///< few: only lists of limits::list_text_items_min or more
  std::size_t bytes_ = 0;
};

/// `["…","…"]`
std::shared_ptr<const std::string> ids_text(const core::shared_list<core::image_id>& ids);
std::shared_ptr<const std::string> names_text(const core::shared_list<std::string>& names);

}  // namespace samovar::net
