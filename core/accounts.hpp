// Users, API keys and web sessions as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/events.hpp"
#include "core/ids.hpp"
#include "core/time.hpp"

namespace samovar::core {

enum class role : std::uint8_t { user, admin };
std::string_view to_string(role r);

struct user {
  user_id id;
  std::string email;
  std::string display_name;
  role rights = role::user;
  std::int32_t max_concurrent_jobs = 1;
  std::int64_t max_images = 1000;
  std::int64_t max_storage_mb = 5000;
  double share_weight = 1.0;
  std::int64_t image_count = 0;
  std::int64_t storage_bytes = 0;
  std::int32_t running_jobs = 0;
  timestamp created_at{};
  std::optional<timestamp> disabled_at;
};

/// What an administrator changes; absent members stay as they are.
struct user_changes {
  std::optional<std::string> display_name;
  std::optional<role> rights;
  std::optional<std::int32_t> max_concurrent_jobs;  ///< 1 or more
  std::optional<std::int64_t> max_images;           ///< may be less than there are
  std::optional<std::int64_t> max_storage_mb;       ///< may be less than is used
  std::optional<double> share_weight;               ///< above 0
  std::optional<bool> disabled;                     ///< true also ends the web sessions
};

struct api_key {
  api_key_id id;
  user_id owner;
  std::string name;
  std::string prefix;  ///< first characters of the secret, safe to show
  bool read_only = false;
  timestamp created_at{};
  std::optional<timestamp> expires_at;
  std::optional<timestamp> last_used_at;
};

struct web_session {
  web_session_id id;
  user_id owner;
  std::string csrf_token;
  timestamp created_at{};
  timestamp last_seen_at{};
  timestamp expires_at{};  ///< absolute
};

/// Who acts, once credentials were verified.
struct acting_user {
  user_id id;
  role rights = role::user;
  bool read_only = false;
  std::optional<api_key_id> via_key;
  std::optional<web_session_id> via_session;
  std::string csrf_token;  ///< only with via_session
};

/// Lower-cased, trimmed; nullopt when it is not shaped like an address (one @, something on both
/// sides, no spaces or control characters, at most limits::email_chars_max).
std::optional<std::string> normalize_email(std::string_view text);

}  // namespace samovar::core
