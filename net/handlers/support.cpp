#include "net/handlers/support.hpp"

#include <spdlog/spdlog.h>

#include <charconv>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace samovar::net {

route make_later_route(std::string method, std::string pattern, later f, body_kind body,
                       access who) {
  route r;
  r.method = std::move(method);
  r.pattern = std::move(pattern);
  r.who = who;
  r.body = body;
  r.runs = where::pool;
  r.handle = [f = std::move(f)](const std::shared_ptr<const request>& req, const respond& respond) {
    std::optional<core::error> failure;
    try {
      f(req, respond);
    } catch (const refused& e) {
      failure = e.reason;
    }
    if (failure) respond(error_reply(*failure, req->request_id));
  };
  return r;
}

route make_route(std::string method, std::string pattern, answer f, body_kind body, access who) {
  return make_later_route(
      std::move(method), std::move(pattern),
      [f = std::move(f)](const std::shared_ptr<const request>& req, const respond& respond) {
        respond(f(*req));
      },
      body, who);
}

route hashing(route r) {
  r.runs = where::passwords;
  return r;
}

reply json_reply(std::string text, int status) {
  reply r;
  r.status = status;
  r.body = std::move(text);
  return r;
}

reply no_content() {
  reply r;
  r.status = 204;
  r.content_type.clear();
  return r;
}

std::optional<std::string> query_value(const request& r, const std::string& name) {
  const auto it = r.query.find(name);
  if (it == r.query.end()) return std::nullopt;
  if (!valid_utf8(it->second) || it->second.find('\0') != std::string::npos)
    refuse(core::error_code::validation_failed, name + " must be valid text", name);
  return it->second;
}

std::optional<int> query_integer(const request& r, const std::string& name, int low, int high) {
  const auto text = query_value(r, name);
  if (!text) return std::nullopt;
  int n = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), n);
  if (error != std::errc{} || end != text->data() + text->size() || n < low || n > high)
    refuse(core::error_code::validation_failed,
           name + " must be a whole number from " + std::to_string(low) + " to " +
               std::to_string(high),
           name);
  return n;
}

core::segmentation_mode query_mode(const request& r) {
  const auto text = query_value(r, "mode");
  if (!text) return core::segmentation_mode::inside_box;
  const auto mode = core::parse_segmentation_mode(*text);
  if (!mode)
    refuse(core::error_code::validation_failed, "mode must be one of inside_box, find_all, point",
           "mode");
  return *mode;
}

bool etag_matches(const std::string& if_none_match, const std::string& tag) {
  std::string_view rest = if_none_match;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    auto part = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    while (!part.empty() && (part.front() == ' ' || part.front() == '\t')) part.remove_prefix(1);
    while (!part.empty() && (part.back() == ' ' || part.back() == '\t')) part.remove_suffix(1);
    if (part == "*") return true;
    if (part.substr(0, 2) == "W/") part.remove_prefix(2);
    if (part.size() == tag.size() + 2 && part.front() == '"' && part.back() == '"' &&
        part.substr(1, tag.size()) == tag)
      return true;
  }
  return false;
}

std::string quoted(const std::string& tag) { return "\"" + tag + "\""; }

std::string percent_encode(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    const bool plain = (u >= '0' && u <= '9') || (u >= 'A' && u <= 'Z') || (u >= 'a' && u <= 'z') ||
                       u == '-' || u == '.' || u == '_' || u == '~';
    if (plain) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(digits[u >> 4]);
      out.push_back(digits[u & 15]);
    }
  }
  return out;
}

std::string content_disposition(std::string_view kind, std::string_view filename) {
  std::string plain;
  bool lossy = false;
  for (const char c : filename) {
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x20 || u >= 0x7F || c == '"' || c == '\\' || c == '%') {
      lossy = true;
      if ((u & 0xC0) != 0x80) plain.push_back('_');  // one per code point
    } else {
      plain.push_back(c);
    }
  }
  std::string out = std::string(kind) + "; filename=\"" + plain + "\"";
  if (lossy) out += "; filename*=UTF-8''" + percent_encode(filename);
  return out;
}

std::string hex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (const char c : bytes) {
    out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(digits[static_cast<unsigned char>(c) & 15]);
  }
  return out;
}

bool same_secret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

core::timestamp now(const services& s) {
  return core::timestamp{std::chrono::microseconds(s.now_unix_us())};
}

core::uuid new_uuid(const services& s) {
  return core::make_uuid_v7(s.now_unix_us() / 1000, s.secrets.random_u64(), s.secrets.random_u64());
}

namespace {

/// One at a time for each user, and one more that waits: whoever comes while it waits is served by
/// what it will read. So a burst of uploads holds two threads of the pool and not all.
class quota_turns {
 public:
  /// False when another's turn will do.
  bool begin(core::user_id user) {
    std::unique_lock lock(mutex_);
    auto& turn = turns_[user];
    if (turn.taken) {
      if (turn.awaited) return false;
      turn.awaited = true;
      ended_.wait(lock, [&] { return !turn.taken; });
      turn.awaited = false;
    }
    turn.taken = true;
    return true;
  }
  void end(core::user_id user) {
    const std::lock_guard lock(mutex_);
    const auto turn = turns_.find(user);
    turn->second.taken = false;
    if (turn->second.awaited)
      ended_.notify_all();
    else
      turns_.erase(turn);
  }

 private:
  struct turn {
    bool taken = false;
    bool awaited = false;
  };
  std::mutex mutex_;
  std::condition_variable ended_;
  std::unordered_map<core::user_id, turn> turns_;  ///< of those under way
};

}  // namespace

void announce_quota(services& s, core::user_id user) {
  // What is read later must be announced later, or the last event would not be the last state.
  static quota_turns turns;
  if (!turns.begin(user)) return;
  const std::unique_ptr<quota_turns, std::function<void(quota_turns*)>> at_end(
      &turns, [user](quota_turns* t) { t->end(user); });
  try {
    if (const auto u = s.accounts.find_user(user)) s.actors.announce_quota(user, core::use_of(*u));
  } catch (const core::store_unavailable& e) {
    // The change itself is committed, and its answer must say so; the next one announces both.
    spdlog::warn("a user's quota could not be announced: {}", e.what());
  }
}

core::change_origin made_by(const request& r) {
  core::change_origin by;
  if (!r.actor.id.value.is_nil()) by.actor = r.actor.id;
  by.address = r.remote_address;
  return by;
}

}  // namespace samovar::net
