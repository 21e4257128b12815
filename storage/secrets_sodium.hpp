// Passwords, digests and randomness from libsodium.
#pragma once

#include <mutex>

#include "core/ports.hpp"

namespace samovar::storage {

/// argon2id with 64 MiB and 3 passes (RFC 9106's second recommendation): 60-100 ms of one core.
/// At most `parallel_max` hashings run at a time, so that a burst of sign-ins cannot exhaust
/// memory; others wait. Thread-safe.
class sodium_secrets final : public core::secrets {
 public:
  sodium_secrets();  ///< throws std::runtime_error when libsodium cannot start

  std::string hash_password(std::string_view password) const override;
  bool verify_password(const std::string& hash, std::string_view password) const override;
  void waste_verification(std::string_view password) const override;
  std::string random_token() const override;
  std::uint64_t random_u64() const override;
  std::string sha256(std::string_view data) const override;

 private:
  static constexpr int parallel_max = 2;
  class turn;
  struct queue;
  std::shared_ptr<queue> queue_;
  std::string decoy_hash_;  ///< of a random password; verified against for unknown accounts
};

}  // namespace samovar::storage
