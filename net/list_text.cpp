#include "net/list_text.hpp"

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
    for (auto at = entries_.begin(); at != entries_.end(); ++at) {
      if (at->address != list.get() || at->list.expired()) continue;
      entries_.splice(entries_.begin(), entries_, at);
      return entries_.front().text;
    }
  }
  auto text = std::make_shared<const std::string>(render());
  if (text->size() > bytes_max_) return text;
  const std::lock_guard lock(mutex_);
  drop_dead();
  entries_.push_front({list, list.get(), text});
  bytes_ += text->size();
  while (bytes_ > bytes_max_) {
    bytes_ -= entries_.back().text->size();
    entries_.pop_back();
  }
  return text;
}

std::size_t list_texts::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void list_texts::drop_dead() {
  entries_.remove_if([this](const entry& e) {
    if (!e.list.expired()) return false;
    bytes_ -= e.text->size();
    return true;
  });
}

std::shared_ptr<const std::string> ids_text(const core::shared_list<core::image_id>& ids) {
  return text_of(ids);
}

std::shared_ptr<const std::string> names_text(const core::shared_list<std::string>& names) {
  return text_of(names);
}

}  // namespace samovar::net
