// The identities of an OpenID provider in PostgreSQL (oidc_identities).
#pragma once

#include "core/identities.hpp"
#include "storage/pool.hpp"

namespace samovar::storage {

/// May be called from several threads; the pool must outlive it.
class identity_repository final : public core::identity_store {
 public:
  explicit identity_repository(pool& connections) : pool_(connections) {}

  std::optional<core::identity_owner> find_identity(const std::string& issuer,
                                                    const std::string& subject) override;
  core::status create_user_with_identity(const core::identity& i, const std::string& email,
                                         const std::string& display_name,
                                         const std::string& address) override;
  core::status link_identity(const core::identity& i, const std::string& address) override;
  void note_sign_in(core::identity_id id, const std::optional<std::string>& email) override;
  bool apply_admin_group(core::user_id user, bool member, const std::string& address) override;
  std::vector<core::identity> list_identities(core::user_id owner) override;
  core::identity_removal remove_identity(core::user_id owner, core::identity_id id,
                                         const std::string& address) override;

 private:
  pool& pool_;
};

}  // namespace samovar::storage
