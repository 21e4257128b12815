#include "core/accounts.hpp"

#include "core/limits.hpp"

namespace samovar::core {

std::string_view to_string(role r) { return r == role::admin ? "admin" : "user"; }

std::string_view to_string(link_kind k) { return k == link_kind::reset ? "reset" : "invite"; }

account_state state_of(const std::optional<user>& u) {
  if (!u) return {false, false, 1, 1.0};
  return {true, !u->disabled_at, u->max_concurrent_jobs, u->share_weight};
}

quota_use use_of(const user& u) {
  return {u.image_count, u.storage_bytes,  u.running_jobs,
          u.max_images,  u.max_storage_mb, u.max_concurrent_jobs};
}

std::optional<std::string> normalize_email(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (text.empty() || text.size() > limits::email_chars_max) return std::nullopt;
  const auto at = text.find('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == text.size()) return std::nullopt;
  if (text.find('@', at + 1) != std::string_view::npos) return std::nullopt;
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (u <= 0x20 || u == 0x7F) return std::nullopt;
    out.push_back(u >= 'A' && u <= 'Z' ? static_cast<char>(u + 32) : c);
  }
  return out;
}

}  // namespace samovar::core
