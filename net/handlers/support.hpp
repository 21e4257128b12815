// What every resource's handlers share: route builders, path ids, query parameters, time and ids.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/ports.hpp"
#include "net/access_control.hpp"
#include "net/codec.hpp"
#include "net/exchange.hpp"
#include "net/services.hpp"

namespace samovar::net {

/// A handler that computes its answer on the pool. May throw `refused`.
using answer = std::function<reply(const request&)>;
/// A handler that answers later. Throws `refused` only before it has arranged for an answer.
using later = std::function<void(const std::shared_ptr<const request>&, const respond&)>;

route make_route(std::string method, std::string pattern, answer f,
                 body_kind body = body_kind::none, access who = access::signed_in);
route make_later_route(std::string method, std::string pattern, later f,
                       body_kind body = body_kind::none, access who = access::signed_in);

/// For a route that hashes a password: it runs on the pool for that.
route hashing(route r);

/// For what an administrator reads of others: the audit log names reader and path.
route noted_read(services& s, route r);

/// The value, or throws `refused` with the failure.
template <class T>
T take(core::outcome<T> o) {
  if (!o) throw refused(o.failure());
  return std::move(o).value();
}
template <class T>
T found(std::optional<T> v, const char* sentence) {
  if (!v) refuse(core::error_code::not_found, sentence);
  return std::move(*v);
}

reply json_reply(std::string text, int status = 200);
reply no_content();

/// The path's placeholder as an id; 422 naming it when it is no UUID.
template <class Id>
Id path_id(const request& r, std::size_t index, const char* name) {
  const auto id = core::parse_id<Id>(r.path_values.at(index));
  if (!id) refuse(core::error_code::validation_failed, std::string(name) + " must be a UUID", name);
  return *id;
}

std::optional<std::string> query_value(const request& r, const std::string& name);
/// 422 naming the parameter when it is not a whole number within the range.
std::optional<int> query_integer(const request& r, const std::string& name, int low, int high);
core::segmentation_mode query_mode(const request& r);

/// True when an If-None-Match header names the strong tag (given without quotes), or is `*`.
bool etag_matches(const std::string& if_none_match, const std::string& tag);
std::string quoted(const std::string& tag);
/// RFC 6266: a plain ASCII fallback and, where that lost something, filename*.
std::string content_disposition(std::string_view kind, std::string_view filename);
std::string percent_encode(std::string_view text);
std::string hex(std::string_view bytes);
/// Same time for every pair of texts of equal length.
bool same_secret(std::string_view a, std::string_view b);

core::timestamp now(const services& s);
core::uuid new_uuid(const services& s);

/// Who asks and from where, for the audit log. Without an actor on routes that need no sign-in.
core::change_origin made_by(const request& r);

/// Pushes quota.changed with the user's use as the database has it now; nothing while it is away.
void announce_quota(services& s, core::user_id user);

}  // namespace samovar::net
