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
  timestamp expires_at{};           ///< absolute
  std::string address;              ///< of the browser that signed in
  std::string user_agent;           ///< at most limits::user_agent_chars_max characters
  std::string method = "password";  ///< how it was opened, for the audit log
};

enum class link_kind : std::uint8_t { invite, reset };
std::string_view to_string(link_kind k);

/// What the holder of a one-time link may be told.
struct account_link {
  link_kind kind = link_kind::invite;
  std::string email;
  std::string display_name;
  timestamp expires_at{};
};

/// Who changes something and from where, for the audit log. No actor: the command line, or nobody
/// yet known.
struct change_origin {
  std::optional<user_id> actor;
  std::string address;  ///< empty: unknown
};

/// One line of the audit log. `detail` is a JSON object and never holds a secret.
struct audit_entry {
  std::int64_t id = 0;
  timestamp at{};
  std::optional<user_id> actor;
  std::optional<std::string> actor_email;  ///< as it was then
  std::string action;
  std::optional<uuid> subject_id;      ///< the user, key, session or link it is about
  std::optional<std::string> subject;  ///< its name as it was then
  std::optional<std::string> address;
  std::string detail = "{}";
};

/// What a live session must know of its user's account.
struct account_state {
  bool exists = true;
  bool active = true;  ///< false: disabled or deleted; no unit may start
  std::int32_t max_concurrent_jobs = 1;
  double share_weight = 1.0;
};
account_state state_of(const std::optional<user>& u);
quota_use use_of(const user& u);

/// What changed in the database, by whatever process.
struct account_change {
  enum class kind : std::uint8_t {
    key,         ///< revoked
    session,     ///< ended
    user,        ///< disabled, deleted, or another role: every credential of it is to be forgotten
    quota,       ///< quotas, weight, or enabled again
    everything,  ///< changes may have been missed
  };
  kind what = kind::everything;
  uuid id;
};

/// Who acts, once credentials were verified.
struct acting_user {
  user_id id;
  role rights = role::user;
  bool read_only = false;
  std::optional<api_key_id> via_key;
  std::optional<web_session_id> via_session;
  std::string csrf_token;                 ///< only with via_session
  std::optional<timestamp> expires_at{};  ///< when the credential ends by itself
  bool rotation_due = false;              ///< only with via_session: its token is to be replaced
};

/// Lower-cased, trimmed; nullopt when it is not shaped like an address (one @, something on both
/// sides, no spaces or control characters, at most limits::email_chars_max).
std::optional<std::string> normalize_email(std::string_view text);

}  // namespace samovar::core
