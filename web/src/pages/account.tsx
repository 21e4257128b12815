// One's own account: use against limits, name, password, sessions, identities, API keys.
import { useEffect, useState, type FormEvent } from "react";
import * as account_api from "../api/account_routes";
import * as api from "../api/routes";
import type { me } from "../api/types";
import { Bar } from "../components/bits";
import { FormError, NameField, NewPassword, useAttempt } from "../components/form";
import { PasswordField } from "../components/password_field";
import { useToasts } from "../components/toasts";
import { bytes } from "../lib/format";
import { useRouter } from "../lib/router";
import { sign_in_problem } from "../lib/sign_in_words";
import { useTitle } from "../lib/title";
import { useLiveEvents } from "../state/live";
import { useSession } from "../state/session";
import { is_settled, useLoaded } from "../state/use_loaded";
import { ids } from "../testids";
import { Identities } from "./account_identities";
import { Keys } from "./account_keys";
import { Sessions } from "./account_sessions";

const mebibyte = 1024 * 1024;

function Use({
  name,
  used,
  most,
  text,
  may_be_full = false,
}: {
  name: string;
  used: number;
  most: number;
  text: string;
  /** All of it in use is how it should be. */
  may_be_full?: boolean;
}) {
  const part = most > 0 ? used / most : 1;
  const tone = part >= 1 ? "bad" : part > 0.85 ? "warn" : "accent";
  return (
    <div className="use" data-testid={ids.quota}>
      <div className="line">
        <span>{name}</span>
        <span className="muted small">{text}</span>
      </div>
      <Bar value={part} tone={may_be_full ? "accent" : tone} label={name} />
    </div>
  );
}

function Quotas({ user }: { user: me }) {
  return (
    <section className="card">
      <h2>Use and limits</h2>
      <Use
        name="Images"
        used={user.image_count}
        most={user.max_images}
        text={`${user.image_count.toLocaleString()} of ${user.max_images.toLocaleString()}`}
      />
      <Use
        name="Storage"
        used={user.storage_bytes}
        most={user.max_storage_mb * mebibyte}
        text={`${bytes(user.storage_bytes)} of ${bytes(user.max_storage_mb * mebibyte)}`}
      />
      <Use
        name="Jobs running at once"
        used={user.running_jobs}
        most={user.max_concurrent_jobs}
        text={`${user.running_jobs} of ${user.max_concurrent_jobs}`}
        may_be_full
      />
    </section>
  );
}

function Name({ user }: { user: me }) {
  const [name, set_name] = useState(user.display_name);
  const { change_user } = useSession();
  const toasts = useToasts();
  const save = async (e: FormEvent) => {
    e.preventDefault();
    try {
      const changed = await api.patch_me({ display_name: name.trim() });
      change_user({ display_name: changed?.display_name ?? name.trim() });
      toasts.info("Name saved");
    } catch (problem) {
      toasts.error(problem);
    }
  };
  return (
    <form className="card" onSubmit={save}>
      <h2>Profile</h2>
      <p className="muted small">
        {user.email} · {user.role === "admin" ? "administrator" : "user"}
      </p>
      <NameField label="Display name" own value={name} on_change={set_name} />
      <button type="submit" disabled={name.trim() === "" || name.trim() === user.display_name}>
        Save
      </button>
    </form>
  );
}

function Password({
  ends_others,
  may_have_none,
  on_changed,
}: {
  /** The server ends the other sessions with the change. */
  ends_others: boolean;
  /** Somebody who came by another service may have no password yet. */
  may_have_none: boolean;
  on_changed: () => void;
}) {
  const [current, set_current] = useState("");
  const [fresh, set_fresh] = useState("");
  const { busy, error, attempt } = useAttempt();
  const toasts = useToasts();
  const { refresh } = useSession();
  const save = async (e: FormEvent) => {
    e.preventDefault();
    await attempt(async () => {
      await api.change_password(current, fresh);
      set_current("");
      set_fresh("");
      toasts.info(
        ends_others ? "Password changed; everybody else is signed out" : "Password changed",
      );
      await refresh();
      on_changed();
    });
  };
  return (
    <form className="card" onSubmit={save} data-testid={ids.password_form}>
      <h2>Password</h2>
      <PasswordField
        label="Current password"
        fresh={false}
        shortest={0}
        required={!may_have_none}
        hint={may_have_none ? "Leave it empty if you have none yet." : undefined}
        testid={ids.password_current}
        value={current}
        on_change={set_current}
      />
      <NewPassword
        label="New password"
        testid={ids.password_new}
        value={fresh}
        on_change={set_fresh}
      />
      {ends_others && (
        <p className="muted small">
          Changing it signs you out everywhere else at once. API keys stay valid.
        </p>
      )}
      <FormError text={error} />
      <button type="submit" disabled={busy} data-testid={ids.password_save}>
        {busy ? "Changing…" : "Change password"}
      </button>
    </form>
  );
}

/** What a trip to another service to link it came back with: said once, then out of the address. */
function useLinkOutcome(): void {
  const { at, go } = useRouter();
  const toasts = useToasts();
  useEffect(() => {
    const said = new URLSearchParams(at.search);
    const code = said.get("link_error");
    if (code !== null) toasts.error(new Error(sign_in_problem(code)), "Not linked");
    else if (said.get("linked") === "1") toasts.info("Linked: you can sign in with it from now on");
    else return;
    go("/account", true);
  }, [at.search, go, toasts]);
}

export function Account() {
  const { user, change_user, refresh } = useSession();
  const toasts = useToasts();
  const sessions = useLoaded(account_api.list_sessions, "Your sessions");
  const identities = useLoaded(account_api.list_identities, "Your identities");
  useTitle("Account");
  useLinkOutcome();
  useEffect(() => {
    // What was read at sign-in is old by now.
    refresh().catch((e) => toasts.error(e));
  }, [refresh, toasts]);
  useLiveEvents((e) => {
    if (e.type !== "quota.changed") return;
    const { type: _type, seq: _seq, ...use } = e;
    change_user(use);
  });
  if (!user) return null;
  return (
    <div className="page narrow">
      <div className="toolbar">
        <h1>Account</h1>
      </div>
      <div className="cards">
        <Quotas user={user} />
        <Name user={user} />
        <Password
          ends_others={sessions.value !== null}
          may_have_none={(identities.value?.identities.length ?? 0) > 0}
          on_changed={() => void (sessions.value !== null && sessions.reload())}
        />
      </div>
      {is_settled(sessions) && is_settled(identities) && (
        // Together: what comes a moment later would push the rest away under the pointer.
        <>
          <Sessions sessions={sessions} />
          <Identities identities={identities} />
          <Keys />
        </>
      )}
    </div>
  );
}
