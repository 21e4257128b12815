#include "core/rle.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace samovar::core {

namespace {

// Appends a run while keeping the invariant (alternating values, no empty run but the first).
class run_builder {
 public:
  explicit run_builder(std::vector<std::uint32_t>& out) : out_(out) {}

  void add(bool value, std::uint32_t length) {
    if (length == 0) return;
    if (value == value_) {
      run_ += length;
      return;
    }
    out_.push_back(run_);
    value_ = value;
    run_ = length;
  }
  void finish() {
    if (run_ > 0 || out_.empty()) out_.push_back(run_);
  }

 private:
  std::vector<std::uint32_t>& out_;
  bool value_ = false;
  std::uint32_t run_ = 0;
};

std::uint64_t pixel_count(const rle& m) {
  return static_cast<std::uint64_t>(m.height) * static_cast<std::uint64_t>(m.width);
}

bool size_is_sane(std::int32_t height, std::int32_t width) {
  return height >= 0 && width >= 0 &&
         static_cast<std::uint64_t>(height) * static_cast<std::uint64_t>(width) <=
             std::numeric_limits<std::uint32_t>::max();
}

// Masks are row-major and runs are column-major. Transposing in cache-sized tiles of columns first
// is several times faster than walking columns with a stride.
constexpr std::int32_t tile_columns = 64;

void transpose_tile(std::span<const std::uint8_t> pixels, std::size_t stride, std::int32_t height,
                    std::int32_t first, std::int32_t count, std::vector<std::uint8_t>& tile) {
  for (std::int32_t y = 0; y < height; ++y) {
    const auto* row = pixels.data() + static_cast<std::size_t>(y) * stride + first;
    for (std::int32_t x = 0; x < count; ++x)
      tile[static_cast<std::size_t>(x) * static_cast<std::size_t>(height) +
           static_cast<std::size_t>(y)] = row[x] != 0;
  }
}

}  // namespace

rle encode_rle(std::span<const std::uint8_t> pixels, std::int32_t height, std::int32_t width,
               std::size_t stride) {
  rle out{height, width, {}};
  run_builder runs{out.counts};
  std::vector<std::uint8_t> tile(static_cast<std::size_t>(tile_columns) *
                                 static_cast<std::size_t>(height));
  for (std::int32_t first = 0; first < width; first += tile_columns) {
    const auto count = std::min(tile_columns, width - first);
    transpose_tile(pixels, stride, height, first, count, tile);
    const std::uint8_t* p = tile.data();
    const std::uint8_t* const end =
        p + static_cast<std::size_t>(count) * static_cast<std::size_t>(height);
    while (p < end) {
      const std::uint8_t value = *p;
      const auto* next = static_cast<const std::uint8_t*>(
          std::memchr(p, value ^ 1, static_cast<std::size_t>(end - p)));
      if (next == nullptr) next = end;
      runs.add(value != 0, static_cast<std::uint32_t>(next - p));
      p = next;
    }
  }
  runs.finish();
  return out;
}

void paint_rle(const rle& mask, std::uint8_t on, std::span<std::uint8_t> pixels) {
  if (mask.height == 0) return;
  const auto height = static_cast<std::uint64_t>(mask.height);
  const auto width = static_cast<std::size_t>(mask.width);
  std::uint64_t position = 0;
  bool value = false;
  for (const auto count : mask.counts) {
    if (value) {
      std::uint64_t x = position / height, y = position % height;
      for (std::uint32_t i = 0; i < count; ++i) {
        pixels[static_cast<std::size_t>(y) * width + static_cast<std::size_t>(x)] = on;
        if (++y == height) {
          y = 0;
          ++x;
        }
      }
    }
    position += count;
    value = !value;
  }
}

std::vector<std::uint8_t> decode_rle(const rle& mask, std::uint8_t on) {
  std::vector<std::uint8_t> out(static_cast<std::size_t>(pixel_count(mask)), 0);
  paint_rle(mask, on, out);
  return out;
}

std::uint64_t rle_area(const rle& mask) {
  std::uint64_t area = 0;
  for (std::size_t i = 1; i < mask.counts.size(); i += 2) area += mask.counts[i];
  return area;
}

box rle_bounds(const rle& mask) {
  if (mask.height == 0) return {};
  const auto height = static_cast<std::uint64_t>(mask.height);
  std::uint64_t position = 0;
  std::uint64_t left = std::numeric_limits<std::uint64_t>::max(), right = 0;
  std::uint64_t top = left, bottom = 0;
  for (std::size_t i = 0; i < mask.counts.size(); ++i) {
    const std::uint64_t count = mask.counts[i];
    if (i % 2 == 1 && count > 0) {
      const std::uint64_t last = position + count - 1;
      left = std::min(left, position / height);
      right = std::max(right, last / height);
      if (position / height != last / height) {
        top = 0;  // the run wraps to the next column, so it touches both edges
        bottom = height - 1;
      } else {
        top = std::min(top, position % height);
        bottom = std::max(bottom, last % height);
      }
    }
    position += count;
  }
  if (left == std::numeric_limits<std::uint64_t>::max()) return {};
  return {static_cast<std::int32_t>(left), static_cast<std::int32_t>(top),
          static_cast<std::int32_t>(right - left + 1), static_cast<std::int32_t>(bottom - top + 1)};
}

rle rle_union(std::span<const rle> masks) {
  rle merged = masks.front();
  for (const auto& other : masks.subspan(1)) {
    rle next{merged.height, merged.width, {}};
    run_builder runs{next.counts};
    std::size_t i = 0, j = 0;
    std::uint32_t a = merged.counts.empty() ? 0 : merged.counts[0];
    std::uint32_t b = other.counts.empty() ? 0 : other.counts[0];
    std::uint64_t left = pixel_count(merged);
    while (left > 0) {
      while (a == 0 && i + 1 < merged.counts.size()) a = merged.counts[++i];
      while (b == 0 && j + 1 < other.counts.size()) b = other.counts[++j];
      const auto step = std::min(a, b);
      if (step == 0) break;  // sizes disagree: a broken precondition must not loop for ever
      runs.add(i % 2 == 1 || j % 2 == 1, step);
      a -= step;
      b -= step;
      left -= step;
    }
    runs.finish();
    merged = std::move(next);
  }
  return merged;
}

// COCO's string: each count (from the third on as the difference to the one two before) in groups
// of 5 bits, least significant first, bit 5 = more follows, plus 48; the sign is bit 4 of the last.
std::string to_coco_string(const rle& mask) {
  std::string out;
  for (std::size_t i = 0; i < mask.counts.size(); ++i) {
    auto x = static_cast<std::int64_t>(mask.counts[i]);
    if (i > 2) x -= static_cast<std::int64_t>(mask.counts[i - 2]);
    bool more = true;
    while (more) {
      auto c = static_cast<char>(x & 0x1F);
      x >>= 5;
      more = (c & 0x10) ? x != -1 : x != 0;
      if (more) c = static_cast<char>(c | 0x20);
      out.push_back(static_cast<char>(c + 48));
    }
  }
  return out;
}

std::optional<rle> from_coco_string(std::string_view text, std::int32_t height,
                                    std::int32_t width) {
  if (!size_is_sane(height, width)) return std::nullopt;
  std::vector<std::uint32_t> counts;
  std::size_t p = 0;
  while (p < text.size()) {
    std::int64_t x = 0;
    int shift = 0;
    bool more = true;
    while (more) {
      if (p == text.size() || shift > 35) return std::nullopt;
      const int c = static_cast<unsigned char>(text[p++]) - 48;
      if (c < 0 || c > 63) return std::nullopt;
      x |= static_cast<std::int64_t>(c & 0x1F) << shift;
      shift += 5;
      more = (c & 0x20) != 0;
      if (!more && (c & 0x10)) x |= -(std::int64_t{1} << shift);
    }
    if (counts.size() > 2) x += static_cast<std::int64_t>(counts[counts.size() - 2]);
    if (x < 0 || x > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
    counts.push_back(static_cast<std::uint32_t>(x));
  }
  return from_counts(counts, height, width);
}

std::optional<rle> from_counts(std::span<const std::uint32_t> counts, std::int32_t height,
                               std::int32_t width) {
  if (!size_is_sane(height, width)) return std::nullopt;
  rle out{height, width, {}};
  run_builder runs{out.counts};
  std::uint64_t sum = 0;
  bool value = false;
  for (const auto count : counts) {
    sum += count;
    if (sum > pixel_count(out)) return std::nullopt;
    runs.add(value, count);
    value = !value;
  }
  if (sum != pixel_count(out)) return std::nullopt;
  runs.finish();
  return out;
}

}  // namespace samovar::core
