#include "storage/secrets_sodium.hpp"

#include <sodium.h>

#include <condition_variable>
#include <new>
#include <stdexcept>

namespace samovar::storage {

namespace {

constexpr unsigned long long passes = 3;
constexpr std::size_t memory_bytes = 64ULL * 1024 * 1024;

}  // namespace

struct sodium_secrets::queue {
  std::mutex mutex;
  std::condition_variable freed;
  int running = 0;
};

class sodium_secrets::turn {
 public:
  explicit turn(queue& q) : q_(q) {
    std::unique_lock lock{q_.mutex};
    q_.freed.wait(lock, [&] { return q_.running < parallel_max; });
    ++q_.running;
  }
  ~turn() {
    {
      std::lock_guard lock{q_.mutex};
      --q_.running;
    }
    q_.freed.notify_one();
  }
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;

 private:
  queue& q_;
};

sodium_secrets::sodium_secrets() : queue_(std::make_shared<queue>()) {
  if (sodium_init() < 0) throw std::runtime_error("libsodium cannot start");
  decoy_hash_ = hash_password(random_token());
}

std::string sodium_secrets::hash_password(std::string_view password) const {
  turn mine{*queue_};
  char out[crypto_pwhash_STRBYTES];
  if (crypto_pwhash_str_alg(out, password.data(), password.size(), passes, memory_bytes,
                            crypto_pwhash_ALG_ARGON2ID13) != 0)
    throw std::bad_alloc();
  return out;
}

bool sodium_secrets::verify_password(const std::string& hash, std::string_view password) const {
  if (hash.size() >= crypto_pwhash_STRBYTES) return false;
  turn mine{*queue_};
  return crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
}

void sodium_secrets::waste_verification(std::string_view password) const {
  // The answer is false whatever the password: nobody knows the decoy's.
  (void)verify_password(decoy_hash_, password);
}

std::string sodium_secrets::random_token() const {
  unsigned char raw[32];
  randombytes_buf(raw, sizeof raw);
  char text[sodium_base64_ENCODED_LEN(sizeof raw, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
  sodium_bin2base64(text, sizeof text, raw, sizeof raw, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  return text;
}

std::uint64_t sodium_secrets::random_u64() const {
  std::uint64_t value = 0;
  randombytes_buf(&value, sizeof value);
  return value;
}

std::string sodium_secrets::sha256(std::string_view data) const {
  std::string digest(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256(reinterpret_cast<unsigned char*>(digest.data()),
                     reinterpret_cast<const unsigned char*>(data.data()), data.size());
  return digest;
}

}  // namespace samovar::storage
