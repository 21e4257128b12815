// The JSON of long lists that many states of a job share, rendered once for all of them.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "core/jobs.hpp"

namespace samovar::net {

/// Texts by the list they show; the least recently used goes first, and that of a list that has
/// died soon. O(1), however many there are: of ten thousand open jobs each may have a list.
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
  using entries = std::list<entry>;
  void drop(entries::iterator e);
  void drop_dead();

  std::size_t bytes_max_;
  mutable std::mutex mutex_;
  entries entries_;  ///< used last first
  std::unordered_map<const void*, entries::iterator> by_list_;
  std::size_t made_since_ = 0;  ///< entries made since those of dead lists were dropped
  std::size_t bytes_ = 0;
};

/// `["…","…"]`
std::shared_ptr<const std::string> ids_text(const core::shared_list<core::image_id>& ids);
std::shared_ptr<const std::string> names_text(const core::shared_list<std::string>& names);

}  // namespace samovar::net
