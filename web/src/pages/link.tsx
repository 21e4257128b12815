// What an invite or a password-reset link opens: choose a password, and be signed in.
import { useEffect, useState, type FormEvent } from "react";
import { inspect_link, redeem_link } from "../api/account_routes";
import { api_error, describe, set_csrf_token } from "../api/client";
import type { link_info, link_kind } from "../api/types";
import { Spinner } from "../components/bits";
import { FormError, NameField, NewPassword, useAttempt } from "../components/form";
import { Moment } from "../components/time";
import { Link, useRouter } from "../lib/router";
import { useTitle } from "../lib/title";
import { useSession } from "../state/session";
import { ids } from "../testids";

const words: Record<link_kind, { title: string; text: string; button: string }> = {
  invite: {
    title: "Welcome to Samovar",
    text: "Choose a password, and your account is ready.",
    button: "Create my account",
  },
  reset: {
    title: "Choose a new password",
    text: "All other sessions of this account end with it.",
    button: "Set the password",
  },
};

function Invalid({ problem, again }: { problem: api_error | Error; again: () => void }) {
  // 401: a server that knows no such links asks for a sign-in instead.
  const ended = problem instanceof api_error && [401, 404].includes(problem.status);
  return (
    <main className="sign-in">
      <div className="card" data-testid={ids.link_invalid} role="alert">
        <h1>{ended ? "This link is not valid any more" : "The link could not be checked"}</h1>
        <p>
          {ended
            ? "It has been used, was replaced by a newer one, or has expired. Ask your administrator for a new link."
            : describe(problem)}
        </p>
        {!ended && (
          <button type="button" className="primary" onClick={again}>
            Try again
          </button>
        )}
        <Link to="/sign-in">To the sign-in page</Link>
      </div>
    </main>
  );
}

export function LinkPage() {
  const { at, go } = useRouter();
  const { refresh } = useSession();
  const token = new URLSearchParams(at.search).get("token") ?? "";
  const [info, set_info] = useState<link_info | null>(null);
  const [broken, set_broken] = useState<api_error | Error | null>(null);
  const [asked, set_asked] = useState(0);
  const [name, set_name] = useState("");
  const [password, set_password] = useState("");
  const { busy, error, attempt } = useAttempt();
  useTitle(info === null ? "Link" : words[info.kind].title);

  useEffect(() => {
    let gone = false;
    set_broken(null);
    inspect_link(token)
      .then((found) => {
        if (gone) return;
        set_info(found);
        set_name(found.display_name);
      })
      .catch((e) => !gone && set_broken(e instanceof Error ? e : new Error(String(e))));
    return () => {
      gone = true;
    };
  }, [token, asked]);

  const submit = async (e: FormEvent) => {
    e.preventDefault();
    if (info === null) return;
    await attempt(async () => {
      const chosen = info.kind === "invite" && name.trim() !== "" ? name.trim() : null;
      try {
        const who = await redeem_link(token, password, chosen);
        if (who?.csrf_token) set_csrf_token(who.csrf_token);
      } catch (problem) {
        if (problem instanceof api_error && problem.status === 404) set_broken(problem);
        throw problem;
      }
      await refresh();
      go("/", true);
    });
  };

  if (broken !== null) return <Invalid problem={broken} again={() => set_asked(asked + 1)} />;
  if (info === null) return <Spinner label="Checking the link" />;
  const w = words[info.kind];
  return (
    <main className="sign-in">
      <form className="card" onSubmit={submit} data-testid={ids.link_form}>
        <img src="/favicon.svg" alt="" width={48} height={48} />
        <h1>{w.title}</h1>
        <p className="muted">{w.text}</p>
        <label>
          Email
          <input
            type="email"
            readOnly
            autoComplete="username"
            value={info.email}
            data-testid={ids.link_email}
          />
        </label>
        {info.kind === "invite" && (
          <NameField label="Your name" own value={name} on_change={set_name} />
        )}
        <NewPassword
          label={info.kind === "invite" ? "Password" : "New password"}
          focus
          value={password}
          on_change={set_password}
        />
        <FormError text={error} />
        <button type="submit" className="primary" disabled={busy} data-testid={ids.submit}>
          {busy ? "One moment…" : w.button}
        </button>
        <p className="muted small">
          This link works once, and ends <Moment at={info.expires_at} />.
        </p>
      </form>
    </main>
  );
}
