// A list that is made once and then shared by every copy of what holds it, such as the ten thousand
// images of a job in each of its published states.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace samovar::core {

/// Reads like a const vector; copying costs one reference count. Thread-safe as a const vector is.
template <class T>
class shared_list {
 public:
  using value_type = T;
  using const_iterator = typename std::vector<T>::const_iterator;

  shared_list() = default;
  shared_list(std::vector<T> items)
      : items_(items.empty() ? nullptr : std::make_shared<const std::vector<T>>(std::move(items))) {
  }
  shared_list(std::initializer_list<T> items) : shared_list(std::vector<T>(items)) {}

  const std::vector<T>& items() const noexcept {
    static const std::vector<T> none;
    return items_ ? *items_ : none;
  }
  operator const std::vector<T>&() const noexcept { return items(); }
  const_iterator begin() const noexcept { return items().begin(); }
  const_iterator end() const noexcept { return items().end(); }
  std::size_t size() const noexcept { return items().size(); }
  bool empty() const noexcept { return items_ == nullptr; }
  const T& operator[](std::size_t i) const { return items()[i]; }
  /// The same object for all copies; nullptr when empty.
  const std::shared_ptr<const std::vector<T>>& shared() const noexcept { return items_; }

  friend bool operator==(const shared_list& a, const shared_list& b) {
    return a.items_ == b.items_ || a.items() == b.items();
  }

 private:
  std::shared_ptr<const std::vector<T>> items_;
};

}  // namespace samovar::core
