// Why a sign-in with another service came back without one, in words. The codes are the server's.
const again = "This sign-in was started in another window or too long ago. Please start it again.";
const away =
  "The sign-in service cannot be reached right now. Try again in a moment, or use a password.";
const unproven =
  "The answer of the sign-in service could not be verified. Please tell your administrator.";

const sentences: Record<string, string> = {
  cancelled: "The sign-in was cancelled at the other service.",
  refused: "The other service refused the sign-in. Please try again.",
  code_refused: "The other service refused the sign-in. Please try again.",
  unavailable: away,
  busy: "Too many sign-ins are under way. Please wait a moment and try again.",
  state_invalid: again,
  token_expired: again,
  issuer_mismatch: unproven,
  token_not_yet_valid: "The clocks of this server and the sign-in service differ too much.",
  userinfo_mismatch: unproven,
  email_missing: "The sign-in service did not tell your email address, which an account needs.",
  email_unverified:
    "Your email address is not verified at the sign-in service. Verify it there and try again.",
  domain_not_allowed: "Accounts with this email address are not admitted on this server.",
  account_exists:
    "There is an account with this email address already. Sign in with its password, then link " +
    "the service on your account page.",
  account_disabled: "This account is disabled. Please ask your administrator.",
  no_account: "There is no account for you here yet. Please ask your administrator for an invite.",
  identity_taken: "This identity is linked to another account already.",
  session_ended: "You were signed out meanwhile. Sign in and link it again.",
};

export function sign_in_problem(code: string): string {
  // Not any word of an address that somebody else wrote: only short codes are repeated.
  const shown = /^[a-z0-9_]{1,40}$/.test(code) ? ` (${code})` : "";
  const name = code.replace(/^oidc_/, "");
  if (name.startsWith("token_") && !Object.hasOwn(sentences, name)) return unproven + shown;
  // An object has names of its own ("constructor") that are no codes.
  const known = Object.hasOwn(sentences, name) ? sentences[name] : undefined;
  return known ?? `The sign-in did not work${shown}. Please try again.`;
}
