// A pull reader for the little JSON that lies beside and inside checkpoints. It builds no tree, so
// that a hostile header costs no more memory than its own size; RFC 8259, UTF-8.
#pragma once

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace samovar::model::sam3 {

/// What is wrong, and at which byte.
struct json_malformed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Every function reads one value at the present position and throws json_malformed when there is
/// another thing.
class json_reader {
 public:
  /// `text` must outlive the reader.
  explicit json_reader(std::string_view text) : text_(text) {}

  /// Calls `member` after each key; it must read exactly one value.
  void object(const std::function<void(std::string&&)>& member);
  /// Calls `item` before each item; it must read exactly one value.
  void array(const std::function<void()>& item);
  std::string string();
  double number();
  /// A whole number without fraction or exponent, within int64.
  std::int64_t integer();
  bool boolean();
  void skip();
  /// The first character of the next value ('{', '[', '"', 't', 'f', 'n', '-', a digit), 0 at the
  /// end.
  char peek();
  /// Nothing but white space may follow.
  void finish();

 private:
  static constexpr int depth_max = 32;
  [[noreturn]] void fail(const std::string& what) const;
  void blank();
  void expect(char c);
  bool accept(char c);
  void word(std::string_view expected);
  std::string_view number_text();
  std::uint32_t hex4();
  void escape(std::string& out);

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace samovar::model::sam3
