#include "net/list_text.hpp"

#include <iterator>

#include "core/limits.hpp"
#include "net/codec_text.hpp"

namespace samovar::net {

namespace {

template <class List>
std::string render(const List& list) {
  std::string text;
  text.reserve(2 + 40 * list.size());
  json_out out(text);
  out.begin_array();
  for (const auto& item : list) out.value(item);
  out.end_array();
  return text;
}

template <class List>
std::shared_ptr<const std::string> text_of(const List& list) {
  static list_texts kept(core::limits::list_text_bytes_max);
  if (list.size() < core::limits::list_text_items_min)
    return std::make_shared<const std::string>(render(list));
  return kept.find_or_make(list.shared(), [&] { return render(list); });
}

}  // namespace

std::shared_ptr<const std::string> list_texts::find_or_make(
    const std::shared_ptr<const void>& list, const std::function<std::string()>& render) {
  {
    const std::lock_guard lock(mutex_);
    const auto at = by_list_.find(list.get());
    if (at != by_list_.end() && !at->second->list.expired()) {
      entries_.splice(entries_.begin(), entries_, at->second);
      return entries_.front().text;
    }
  }
  auto text = std::make_shared<const std::string>(render());
  if (text->size() > bytes_max_) return text;
  const std::lock_guard lock(mutex_);
  // Once after as many as there are: each new one pays for one look.
  if (++made_since_ > entries_.size()) drop_dead();
  if (const auto old = by_list_.find(list.get()); old != by_list_.end()) drop(old->second);
  entries_.push_front({list, list.get(), text});
  by_list_.emplace(list.get(), entries_.begin());
  bytes_ += text->size();
  while (bytes_ > bytes_max_) drop(std::prev(entries_.end()));
  return text;
}

std::size_t list_texts::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void list_texts::drop(entries::iterator e) {
  bytes_ -= e->text->size();
  by_list_.erase(e->address);
  entries_.erase(e);
}

void list_texts::drop_dead() {
  made_since_ = 0;
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto e = at++;
    if (e->list.expired()) drop(e);
  }
}

std::shared_ptr<const std::string> ids_text(const core::shared_list<core::image_id>& ids) {
  return text_of(ids);
}

std::shared_ptr<const std::string> names_text(const core::shared_list<std::string>& names) {
  return text_of(names);
}

}  // namespace samovar::net
