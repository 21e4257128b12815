// Why a sign-in with another service came back without one, in words. The codes are the server's.
const sentences: Record<string, string> = {
  access_denied: "The sign-in was cancelled at the other service.",
  provider_error: "The other service refused the sign-in. Please try again.",
  provider_unreachable:
    "The sign-in service cannot be reached right now. Try again in a moment, or use a password.",
  provider_unavailable:
    "The sign-in service cannot be reached right now. Try again in a moment, or use a password.",
  state_invalid:
    "This sign-in was started in another window or too long ago. Please start it again here.",
  state_expired:
    "This sign-in was started in another window or too long ago. Please start it again here.",
  token_invalid:
    "The answer of the sign-in service could not be verified. Please tell your administrator.",
  email_missing: "The sign-in service did not tell your email address, which an account needs.",
  email_unverified:
    "Your email address is not verified at the sign-in service. Verify it there and try again.",
  email_not_verified:
    "Your email address is not verified at the sign-in service. Verify it there and try again.",
  domain_not_allowed: "Accounts with this email address are not admitted on this server.",
  account_exists:
    "There is an account with this email address already. Sign in with its password, then link " +
    "the service on your account page.",
  account_disabled: "This account is disabled. Please ask your administrator.",
  registration_closed: "New accounts are made by an administrator here. Please ask for an invite.",
  no_account: "There is no account for you here yet. Please ask your administrator for an invite.",
  identity_in_use: "This identity is linked to another account already.",
  identity_taken: "This identity is linked to another account already.",
  rate_limited: "Too many attempts. Please wait a moment and try again.",
};

export function sign_in_problem(code: string): string {
  // Not any word of an address that somebody else wrote: only short codes are repeated.
  const shown = /^[a-z0-9_]{1,40}$/.test(code) ? ` (${code})` : "";
  // An object has names of its own ("constructor") that are no codes.
  const known = Object.hasOwn(sentences, code) ? sentences[code] : undefined;
  return known ?? `The sign-in did not work${shown}. Please try again.`;
}
