#include "core/time.hpp"

#include <algorithm>

namespace samovar::core {

namespace {

using namespace std::chrono;

// Reads exactly `count` digits at `pos`; -1 when there are fewer.
int digits(const std::string& text, std::size_t pos, std::size_t count) {
  if (pos + count > text.size()) return -1;
  int value = 0;
  for (std::size_t i = pos; i < pos + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

/// What the text from `pos` on says local time is ahead of UTC: Z, or hours and minutes.
std::optional<minutes> parse_offset(const std::string& text, std::size_t pos) {
  if (pos + 1 == text.size() && (text[pos] == 'Z' || text[pos] == 'z')) return minutes{0};
  if (pos + 6 != text.size() || (text[pos] != '+' && text[pos] != '-') || text[pos + 3] != ':')
    return std::nullopt;
  const int hour = digits(text, pos + 1, 2), minute = digits(text, pos + 4, 2);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return std::nullopt;
  const auto ahead = hours{hour} + minutes{minute};
  return text[pos] == '-' ? -ahead : ahead;
}

}  // namespace

std::string to_rfc3339(timestamp t) {
  const auto day = floor<days>(t);
  const year_month_day date{day};
  const hh_mm_ss clock{t - day};
  // By hand: every row and every answer has several of these.
  std::string text = "0000-00-00T00:00:00.000000Z";
  const auto put = [&](std::size_t last, std::int64_t value) {
    for (; value > 0; value /= 10, --last) text[last] = static_cast<char>('0' + value % 10);
  };
  put(3, std::clamp(static_cast<int>(date.year()), 0, 9999));
  put(6, static_cast<unsigned>(date.month()));
  put(9, static_cast<unsigned>(date.day()));
  put(12, clock.hours().count());
  put(15, clock.minutes().count());
  put(18, clock.seconds().count());
  put(25, clock.subseconds().count());
  return text;
}

std::optional<timestamp> parse_rfc3339(const std::string& text) {
  const int year_part = digits(text, 0, 4), month_part = digits(text, 5, 2);
  const int day_part = digits(text, 8, 2), hour = digits(text, 11, 2);
  const int minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (year_part < 0 || month_part < 0 || day_part < 0 || hour < 0 || minute < 0 || second < 0)
    return std::nullopt;
  const bool separated = text[4] == '-' && text[7] == '-' && (text[10] == 'T' || text[10] == 't') &&
                         text[13] == ':' && text[16] == ':';
  if (!separated) return std::nullopt;
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const year_month_day date{year{year_part}, month{static_cast<unsigned>(month_part)},
                            day{static_cast<unsigned>(day_part)}};
  if (!date.ok()) return std::nullopt;

  std::size_t pos = 19;
  std::int64_t micros = 0;
  if (pos < text.size() && text[pos] == '.') {
    ++pos;
    int places = 0;
    for (; pos < text.size() && text[pos] >= '0' && text[pos] <= '9'; ++pos, ++places)
      if (places < 6) micros = micros * 10 + (text[pos] - '0');
    if (places == 0) return std::nullopt;
    for (; places < 6; ++places) micros *= 10;
  }
  const auto offset = parse_offset(text, pos);
  if (!offset) return std::nullopt;
  const timestamp t{sys_days{date}.time_since_epoch() + hours{hour} + minutes{minute} +
                    seconds{second} + microseconds{micros} - *offset};
  if (*offset == minutes{0}) return t;
  // An offset can lead out of the years that can be written.
  const auto utc_year = static_cast<int>(year_month_day{floor<days>(t)}.year());
  if (utc_year < 0 || utc_year > 9999) return std::nullopt;
  return t;
}

}  // namespace samovar::core
