// Work in chunks that fit the memory there is.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <new>

namespace samovar::model::sam3 {

/// One item alone does not fit.
struct out_of_memory final : std::bad_alloc {
  const char* what() const noexcept override {
    return "The model's device has not enough memory for this image.";
  }
};

/// LibTorch's allocators say it with several exceptions, of which only the words are the same over
/// its versions; std::bad_alloc counts too.
bool is_out_of_memory(const std::exception& e);

/// Calls work(begin, count) over 0..total in pieces of at most `at_once`; where one runs out of
/// memory its size is halved, for good, and the piece is done again: `work` keeps nothing of a call
/// that throws. Throws out_of_memory when a piece of one does not fit. at_once >= 1.
void in_chunks(std::int64_t total, std::int64_t& at_once,
               const std::function<void(std::int64_t begin, std::int64_t count)>& work);

}  // namespace samovar::model::sam3
