// Lists (http-api.md, Lists): one page with `limit`, everything streamed without.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "net/handlers/support.hpp"

namespace samovar::net {

/// Opaque text of a keyset position; nullopt for text this server did not write.
std::string to_text(const core::cursor& c);
std::optional<core::cursor> parse_cursor(std::string_view text);

/// `limit`, `cursor` and, where `order_given`, `order` = newest|desc|oldest|asc. 422 otherwise.
core::page_request read_paging(const request& r, bool oldest_first, bool order_given = false);

/// The `Link` header of a list whose body is a bare array.
std::string next_link(const request& r, const core::cursor& next);

template <class T>
struct list_source {
  std::function<core::page<T>(const core::page_request&)> fetch;
  std::function<void(json_out&, const T&)> write;
  /// Name of the array in an object with total and next_cursor; empty: a bare array.
  std::string array_name;
};

namespace detail {

std::string list_head(const std::string& array_name);
std::string list_tail(const std::string& array_name, std::int64_t total,
                      const std::optional<core::cursor>& next);

template <class T>
std::string items_text(const core::page<T>& page, const list_source<T>& source) {
  std::string text;
  json_out out(text);
  for (const auto& item : page.items) source.write(out, item);
  return text;
}

/// The pages after the first are read while the body is being sent.
template <class T>
struct list_stream {
  list_source<T> source;
  core::page_request paging;
  core::page<T> page;
  std::int64_t total = 0;
  bool first = true;

  bool operator()(std::string& piece) {
    if (first) {
      piece = list_head(source.array_name) + items_text(page, source);
      first = false;
    } else {
      paging.after = page.next;
      paging.with_total = false;  // said by the first page
      page = source.fetch(paging);
      piece = items_text(page, source);
      if (!page.items.empty()) piece.insert(piece.begin(), ',');
    }
    if (page.next) return true;
    piece += list_tail(source.array_name, total, std::nullopt);
    return false;
  }
};

}  // namespace detail

template <class T>
reply list_reply(const request& r, core::page_request paging, list_source<T> source) {
  const bool bounded = r.query.count("limit") != 0;
  auto page = source.fetch(paging);
  reply out;
  if (!bounded && page.next) {
    auto stream = std::make_shared<detail::list_stream<T>>();
    stream->source = std::move(source);
    stream->paging = paging;
    stream->total = page.total;
    stream->page = std::move(page);
    out.body = body_source([stream](std::string& piece) { return (*stream)(piece); });
    return out;
  }
  out.body = detail::list_head(source.array_name) + detail::items_text(page, source) +
             detail::list_tail(source.array_name, page.total, page.next);
  if (source.array_name.empty() && page.next)
    out.headers.emplace_back("Link", next_link(r, *page.next));
  return out;
}

/// A page of rows that are all in memory, in the order of their places: oldest first or newest
/// first, as `p` says. `place` gives a row's time and id, so that rows which come and go between
/// two pages neither repeat nor hide others.
template <class T, class Place>
core::page<T> slice(const std::vector<T>& rows, const core::page_request& p, Place place) {
  const auto passed = [&](const T& row) {
    const core::cursor c = place(row);
    const auto here = std::tie(c.at, c.id), after = std::tie(p.after->at, p.after->id);
    return p.oldest_first ? here <= after : here >= after;
  };
  const auto begin =
      p.after ? std::partition_point(rows.begin(), rows.end(), passed) : rows.begin();
  const auto left = static_cast<std::size_t>(rows.end() - begin);
  const auto end = begin + static_cast<std::ptrdiff_t>(std::min(p.limit, left));
  core::page<T> out;
  out.total = static_cast<std::int64_t>(rows.size());
  out.items.assign(begin, end);
  if (end != rows.end()) out.next = place(out.items.back());
  return out;
}

/// A page of rows that are all in memory and keep their places; the cursor counts them.
template <class T>
core::page<T> slice(const std::vector<T>& rows, const core::page_request& p) {
  core::page<T> out;
  out.total = static_cast<std::int64_t>(rows.size());
  const auto skipped = p.after ? p.after->at.time_since_epoch().count() : 0;
  const auto begin = static_cast<std::size_t>(
      std::min<std::int64_t>(std::max<std::int64_t>(skipped, 0), out.total));
  const auto end = std::min(rows.size(), begin + p.limit);
  out.items.assign(rows.begin() + static_cast<std::ptrdiff_t>(begin),
                   rows.begin() + static_cast<std::ptrdiff_t>(end));
  if (end < rows.size())
    out.next = core::cursor{
        core::timestamp{std::chrono::microseconds(static_cast<std::int64_t>(end))}, {}};
  return out;
}

}  // namespace samovar::net
