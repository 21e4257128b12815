// One's own account: use against limits, name, password, API keys.
import { useEffect, useState, type FormEvent } from "react";
import * as api from "../api/routes";
import type { me } from "../api/types";
import { Bar } from "../components/bits";
import { useToasts } from "../components/toasts";
import { bytes } from "../lib/format";
import { useLiveEvents } from "../state/live";
import { useSession } from "../state/session";
import { ids } from "../testids";
import { Keys } from "./account_keys";

const mebibyte = 1024 * 1024;

function Use({
  name,
  used,
  most,
  text,
}: {
  name: string;
  used: number;
  most: number;
  text: string;
}) {
  const part = most > 0 ? used / most : 1;
  return (
    <div className="use" data-testid={ids.quota}>
      <div className="line">
        <span>{name}</span>
        <span className="muted small">{text}</span>
      </div>
      <Bar value={part} tone={part >= 1 ? "bad" : part > 0.85 ? "warn" : "accent"} label={name} />
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
      <label>
        Display name
        <input
          value={name}
          maxLength={100}
          data-testid={ids.display_name}
          onChange={(e) => set_name(e.target.value)}
        />
      </label>
      <button type="submit" disabled={name.trim() === "" || name.trim() === user.display_name}>
        Save
      </button>
    </form>
  );
}

function Password() {
  const [current, set_current] = useState("");
  const [fresh, set_fresh] = useState("");
  const [error, set_error] = useState<string | null>(null);
  const toasts = useToasts();
  const { refresh } = useSession();
  const save = async (e: FormEvent) => {
    e.preventDefault();
    set_error(null);
    try {
      await api.change_password(current, fresh);
      set_current("");
      set_fresh("");
      toasts.info("Password changed");
      await refresh();
    } catch (problem) {
      set_error(problem instanceof Error ? problem.message : String(problem));
    }
  };
  return (
    <form className="card" onSubmit={save}>
      <h2>Password</h2>
      <label>
        Current password
        <input
          type="password"
          autoComplete="current-password"
          required
          value={current}
          onChange={(e) => set_current(e.target.value)}
        />
      </label>
      <label>
        New password
        <input
          type="password"
          autoComplete="new-password"
          required
          minLength={8}
          value={fresh}
          onChange={(e) => set_fresh(e.target.value)}
        />
        <small className="muted">At least 8 characters.</small>
      </label>
      {error !== null && (
        <p className="form-error" role="alert">
          {error}
        </p>
      )}
      <button type="submit">Change password</button>
    </form>
  );
}

export function Account() {
  const { user, change_user, refresh } = useSession();
  const toasts = useToasts();
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
        <Password />
      </div>
      <Keys />
    </div>
  );
}
