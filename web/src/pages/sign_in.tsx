// Signing in, registering, and the one-time set-up link: three forms of one shape.
import { useState, type FormEvent } from "react";
import { describe, set_csrf_token } from "../api/client";
import * as api from "../api/routes";
import { safe_next, useRouter } from "../lib/router";
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

export function SignIn({ purpose: first }: { purpose: purpose }) {
  const { at, go } = useRouter();
  const { sign_in, refresh, system } = useSession();
  const [purpose, set_purpose] = useState(first);
  const [email, set_email] = useState("");
  const [password, set_password] = useState("");
  const [error, set_error] = useState<string | null>(null);
  const [busy, set_busy] = useState(false);
  const creating = purpose !== "sign-in";
  const w = words[purpose];

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
    set_busy(true);
    set_error(null);
    try {
      if (creating) await create();
      else await sign_in(email, password);
      go(safe_next(at.search), true);
    } catch (problem) {
      set_error(describe(problem));
      set_busy(false);
    }
  };

  return (
    <div className="sign-in">
      <form
        className="card"
        onSubmit={submit}
        data-testid={purpose === "setup" ? ids.setup_form : ids.sign_in_form}
      >
        <img src="/favicon.svg" alt="" width={48} height={48} />
        <h1>{w.title}</h1>
        <p className="muted">{w.text}</p>
        <label>
          Email
          <input
            type="email"
            autoComplete="username"
            required
            autoFocus
            maxLength={254}
            value={email}
            data-testid={ids.email}
            onChange={(e) => set_email(e.target.value)}
          />
        </label>
        <label>
          Password
          <input
            type="password"
            autoComplete={creating ? "new-password" : "current-password"}
            required
            minLength={creating ? 8 : undefined}
            value={password}
            data-testid={ids.password}
            onChange={(e) => set_password(e.target.value)}
          />
          {creating && <small className="muted">At least 8 characters.</small>}
        </label>
        {error !== null && (
          <p className="form-error" role="alert" data-testid={ids.form_error}>
            {error}
          </p>
        )}
        <button type="submit" className="primary" disabled={busy} data-testid={ids.submit}>
          {busy ? w.busy : w.button}
        </button>
        {purpose !== "setup" && system?.allow_registration && (
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
    </div>
  );
}
