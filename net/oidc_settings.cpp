#include "net/oidc_settings.hpp"

namespace samovar::net {

std::string_view to_string(oidc_error e) {
  switch (e) {
    case oidc_error::state_invalid: return "oidc_state_invalid";
    case oidc_error::issuer_mismatch: return "oidc_issuer_mismatch";
    case oidc_error::cancelled: return "oidc_cancelled";
    case oidc_error::refused: return "oidc_refused";
    case oidc_error::unavailable: return "oidc_unavailable";
    case oidc_error::code_refused: return "oidc_code_refused";
    case oidc_error::token_malformed: return "oidc_token_malformed";
    case oidc_error::token_algorithm: return "oidc_token_algorithm";
    case oidc_error::token_key_unknown: return "oidc_token_key_unknown";
    case oidc_error::token_signature: return "oidc_token_signature";
    case oidc_error::token_issuer: return "oidc_token_issuer";
    case oidc_error::token_audience: return "oidc_token_audience";
    case oidc_error::token_expired: return "oidc_token_expired";
    case oidc_error::token_not_yet_valid: return "oidc_token_not_yet_valid";
    case oidc_error::token_nonce: return "oidc_token_nonce";
    case oidc_error::token_hash: return "oidc_token_hash";
    case oidc_error::userinfo_mismatch: return "oidc_userinfo_mismatch";
    case oidc_error::email_missing: return "oidc_email_missing";
    case oidc_error::email_unverified: return "oidc_email_unverified";
    case oidc_error::domain_not_allowed: return "oidc_domain_not_allowed";
    case oidc_error::account_exists: return "oidc_account_exists";
    case oidc_error::no_account: return "oidc_no_account";
    case oidc_error::account_disabled: return "oidc_account_disabled";
    case oidc_error::identity_taken: return "oidc_identity_taken";
    case oidc_error::session_ended: return "oidc_session_ended";
    case oidc_error::busy: return "oidc_busy";
  }
  return "oidc_refused";
}

}  // namespace samovar::net
