// Signing in, registering, and the one-time set-up link: three forms of one shape.
import { useState, type FormEvent } from "react";
import { set_csrf_token } from "../api/client";
import * as api from "../api/routes";
import { Spinner } from "../components/bits";
import { EmailField, FormError, NewPassword, useAttempt } from "../components/form";
import { PasswordField } from "../components/password_field";
import { safe_next, useRouter } from "../lib/router";
import { sign_in_problem } from "../lib/sign_in_words";
import { useTitle } from "../lib/title";
import { useSession } from "../state/session";
import { ids } from "../testids";

type purpose = "sign-in" | "register" | "setup";

const words: Record<purpose, { title: string; text: string; button: string; busy: string }> = {
  "sign-in": {
    title: "Sign in",
    text: "Welcome back.",
    button: "Sign in",
    busy: "Signing in…",
  },
  register: {
    title: "Create an account",
    text: "Your images and results are visible to you alone.",
    button: "Create account",
    busy: "Creating…",
  },
  setup: {
    title: "Set up Samovar",
    text: "This one-time link creates the first administrator.",
    button: "Create administrator",
    busy: "Creating…",
  },
};

/** Where the provider's sign-in starts; the page to come back to goes with it. */
export function provider_url(login_url: string, next: string): string {
  const back = `return_to=${encodeURIComponent(`/#${next}`)}`;
  return login_url + (login_url.includes("?") ? "&" : "?") + back;
}

export function SignIn({ purpose: first }: { purpose: purpose }) {
  const { at, go } = useRouter();
  const { sign_in, refresh, system, providers } = useSession();
  const [purpose, set_purpose] = useState(first);
  const [email, set_email] = useState("");
  const [password, set_password] = useState("");
  const { busy, error, set_error, attempt } = useAttempt(() => {
    const code = new URLSearchParams(at.search).get("error");
    return code === null ? null : sign_in_problem(code);
  });
  const creating = purpose !== "sign-in";
  const w = words[purpose];
  const oidc = purpose === "setup" ? null : (providers?.oidc ?? null);
  const by_password = purpose === "setup" || (providers?.password ?? true);
  const registration = providers?.registration ?? system?.allow_registration ?? false;
  useTitle(w.title);

  const create = async () => {
    const token = new URLSearchParams(at.search).get("token") ?? "";
    const answer =
      purpose === "setup"
        ? await api.setup(token, email, password)
        : await api.register(email, password);
    // With a token there is a session already; otherwise the same words open one.
    if (answer?.csrf_token) {
      set_csrf_token(answer.csrf_token);
      await refresh();
    } else {
      await sign_in(email, password);
    }
  };

  const submit = async (e: FormEvent) => {
    e.preventDefault();
    await attempt(async () => {
      if (creating) await create();
      else await sign_in(email, password);
      go(safe_next(at.search), true);
    });
  };

  // All ways at once: nothing moves under the pointer because an answer came late.
  if (providers === undefined) return <Spinner />;
  return (
    <main className="sign-in">
      <form
        className="card"
        onSubmit={submit}
        data-testid={purpose === "setup" ? ids.setup_form : ids.sign_in_form}
      >
        <img src="/favicon.svg" alt="" width={48} height={48} />
        <h1>{w.title}</h1>
        <p className="muted">{w.text}</p>
        {by_password && (
          <>
            <EmailField own value={email} on_change={set_email} />
            {creating ? (
              <NewPassword label="Password" value={password} on_change={set_password} />
            ) : (
              <PasswordField
                label="Password"
                fresh={false}
                shortest={0}
                testid={ids.password}
                value={password}
                on_change={set_password}
              />
            )}
          </>
        )}
        <FormError text={error} />
        {by_password && (
          <button type="submit" className="primary" disabled={busy} data-testid={ids.submit}>
            {busy ? w.busy : w.button}
          </button>
        )}
        {oidc !== null && (
          <>
            {by_password && (
              <div className="or" aria-hidden="true">
                or
              </div>
            )}
            <a
              className={by_password ? "button" : "button primary"}
              href={provider_url(oidc.login_url, safe_next(at.search))}
              data-testid={ids.provider}
            >
              Sign in with {oidc.name}
            </a>
          </>
        )}
        {purpose !== "setup" && by_password && registration && (
          <button
            type="button"
            className="link"
            data-testid={ids.switch_form}
            onClick={() => {
              set_purpose(creating ? "sign-in" : "register");
              set_error(null);
            }}
          >
            {creating ? "I have an account: sign in" : "New here? Create an account"}
          </button>
        )}
        {purpose === "sign-in" && system?.setup_needed && (
          <p className="muted small">
            There is no account yet. Open the one-time set-up link that the server printed when it
            started.
          </p>
        )}
      </form>
    </main>
  );
}
