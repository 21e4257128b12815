#include "model/png_writer.hpp"

#include <zlib.h>

#include <array>
#include <cstring>
#include <stdexcept>

namespace samovar::model {

namespace {

constexpr std::uint32_t adler_base = 65521;
constexpr std::size_t match_max = 258;  // RFC 1951, 3.2.5

constexpr std::uint32_t reversed(std::uint32_t code, int bits) {
  std::uint32_t r = 0;
  for (int i = 0; i < bits; ++i) r |= (code >> i & 1) << (bits - 1 - i);
  return r;
}

struct symbol {
  std::uint32_t code = 0;  ///< bit-reversed, extra bits included
  int bits = 0;
};

constexpr symbol fixed_code(int s) {  // RFC 1951, 3.2.6
  if (s < 144) return {reversed(static_cast<std::uint32_t>(0x30 + s), 8), 8};
  if (s < 256) return {reversed(static_cast<std::uint32_t>(0x190 + s - 144), 9), 9};
  if (s < 280) return {reversed(static_cast<std::uint32_t>(s - 256), 7), 7};
  return {reversed(static_cast<std::uint32_t>(0xC0 + s - 280), 8), 8};
}

/// Length code with its extra bits, followed by distance code 0 (distance 1).
constexpr symbol length_code(int length) {
  constexpr std::array<int, 29> base{3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                     15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                     67, 83, 99, 115, 131, 163, 195, 227, 258};
  int i = 28;
  while (base[static_cast<std::size_t>(i)] > length) --i;
  const int extra = i < 8 || i == 28 ? 0 : (i - 4) / 4;
  symbol s = fixed_code(257 + i);
  s.code |= static_cast<std::uint32_t>(length - base[static_cast<std::size_t>(i)]) << s.bits;
  s.bits += extra + 5;
  return s;
}

struct code_tables {
  std::array<symbol, 256> literal{};
  std::array<symbol, match_max + 1> length{};
};

constexpr code_tables make_tables() {
  code_tables t;
  for (int i = 0; i < 256; ++i) t.literal[static_cast<std::size_t>(i)] = fixed_code(i);
  for (int i = 3; i <= static_cast<int>(match_max); ++i)
    t.length[static_cast<std::size_t>(i)] = length_code(i);
  return t;
}
constexpr code_tables tables = make_tables();

/// One fixed-Huffman deflate block made of literals and runs (matches at distance 1), with the
/// Adler-32 of what was packed computed per run.
class run_packer {
 public:
  run_packer() {
    out_ = "\x78\x01";
    put({0b011, 3});  // last block, fixed codes
  }

  void run(std::uint8_t value, std::size_t count) {
    sum(value, count);
    put(tables.literal[value]);
    --count;
    while (count >= 3) {
      // Never leave 1 or 2 bytes that would cost a literal each when a shorter match avoids it.
      const auto n =
          count > match_max && count < match_max + 3 ? count - 3 : std::min(count, match_max);
      put(tables.length[n]);
      count -= n;
    }
    for (; count > 0; --count) put(tables.literal[value]);
  }

  std::string finish() {
    put({0, 7});  // end of block
    put({0, 7});  // flush the last byte
    for (int shift = 24; shift >= 0; shift -= 8)
      out_ += static_cast<char>((b_ << 16 | a_) >> shift & 0xFF);
    return std::move(out_);
  }

 private:
  void put(symbol s) {
    bits_ |= std::uint64_t{s.code} << filled_;
    filled_ += s.bits;
    while (filled_ >= 8) {
      out_ += static_cast<char>(bits_ & 0xFF);
      bits_ >>= 8;
      filled_ -= 8;
    }
  }

  // Adler-32 of `n` equal bytes v: a += n v; b += n a + v n (n+1) / 2.
  void sum(std::uint64_t v, std::uint64_t n) {
    b_ = (b_ + n * a_ + v * (n * (n + 1) / 2 % adler_base)) % adler_base;
    a_ = (a_ + n * v) % adler_base;
  }

  std::string out_;
  std::uint64_t bits_ = 0;
  int filled_ = 0;
  std::uint64_t a_ = 1;
  std::uint64_t b_ = 0;
};

std::size_t run_length(const std::uint8_t* p, std::size_t count) {
  const std::uint64_t pattern = 0x0101010101010101ULL * *p;
  std::size_t n = 1;
  std::uint64_t word = 0;
  for (; n + 8 <= count; n += 8) {
    std::memcpy(&word, p + n, 8);
    if (word != pattern) break;
  }
  while (n < count && p[n] == *p) ++n;
  return n;
}

void put_u32(std::string& out, std::uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(v >> shift & 0xFF);
}

void put_chunk(std::string& out, const char* type, const std::string& body) {
  put_u32(out, static_cast<std::uint32_t>(body.size()));
  const auto from = out.size();
  out.append(type, 4);
  out += body;
  put_u32(out, static_cast<std::uint32_t>(crc32_z(
                   0, reinterpret_cast<const Bytef*>(out.data() + from), out.size() - from)));
}

}  // namespace

std::string write_grey_png(std::span<const std::uint8_t> grey, int width, int height) {
  const auto w = static_cast<std::size_t>(width);
  const auto h = static_cast<std::size_t>(height);
  if (width <= 0 || height <= 0 || grey.size() != w * h)
    throw std::invalid_argument("write_grey_png: size does not match the bytes");
  run_packer pack;
  for (std::size_t y = 0; y < h; ++y) {
    pack.run(0, 1);  // filter type "none"
    const std::uint8_t* row = grey.data() + y * w;
    for (std::size_t x = 0; x < w;) {
      const auto n = run_length(row + x, w - x);
      pack.run(row[x], n);
      x += n;
    }
  }
  std::string header;
  put_u32(header, static_cast<std::uint32_t>(width));
  put_u32(header, static_cast<std::uint32_t>(height));
  header.append("\x08\0\0\0\0", 5);  // 8 bits, grey, deflate, filters, not interlaced
  std::string out("\x89PNG\r\n\x1a\n", 8);
  put_chunk(out, "IHDR", header);
  put_chunk(out, "IDAT", pack.finish());
  put_chunk(out, "IEND", {});
  return out;
}

}  // namespace samovar::model
