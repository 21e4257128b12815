// One-time links and the audit log, on the pool of the other repositories.
#pragma once

#include "core/account_ports.hpp"
#include "storage/pool.hpp"

namespace samovar::storage {

class link_repository final : public core::link_store {
 public:
  explicit link_repository(pool& connections) : pool_(connections) {}

  core::status issue(const core::new_link& link, const std::string& token_sha256,
                     const core::change_origin& by) override;
  std::optional<core::account_link> find(const std::string& token_sha256) override;
  std::optional<core::redeemed_link> redeem(const std::string& token_sha256,
                                            const std::string& password_hash,
                                            const std::optional<std::string>& display_name,
                                            const std::string& address) override;

 private:
  pool& pool_;
};

class audit_repository final : public core::audit_store {
 public:
  explicit audit_repository(pool& connections) : pool_(connections) {}

  core::audit_page list(const core::audit_query& q) override;
  void sign_in_failed(std::optional<core::user_id> account, const std::optional<std::string>& email,
                      const std::string& address) override;
  void admin_read(const core::change_origin& by, const std::string& what) override;

 private:
  pool& pool_;
};

}  // namespace samovar::storage
