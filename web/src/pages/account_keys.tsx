// API keys: made, shown once, revoked.
import { useEffect, useState, type FormEvent } from "react";
import * as api from "../api/routes";
import type { api_key, new_api_key } from "../api/types";
import { CopyOnce } from "../components/copy_once";
import { Confirm } from "../components/dialog";
import { Moment, useNow } from "../components/time";
import { useToasts } from "../components/toasts";
import { ids } from "../testids";

const day_ms = 24 * 3600 * 1000;

export function Keys() {
  const [keys, set_keys] = useState<api_key[] | null>(null);
  const [made, set_made] = useState<new_api_key | null>(null);
  const [revoking, set_revoking] = useState<api_key | null>(null);
  const [name, set_name] = useState("");
  const [read_only, set_read_only] = useState(false);
  const [days, set_days] = useState("90");
  const toasts = useToasts();
  const now = useNow();

  useEffect(() => {
    api
      .list_keys()
      .then(set_keys)
      .catch((e) => {
        toasts.error(e, "The keys could not be read");
        set_keys([]);
      });
  }, [toasts]);

  const create = async (e: FormEvent) => {
    e.preventDefault();
    try {
      const until = days === "" ? null : new Date(Date.now() + Number(days) * day_ms).toISOString();
      const key = await api.create_key(name.trim(), read_only, until);
      set_made(key);
      set_name("");
      set_keys((all) => [key, ...(all ?? [])]);
    } catch (problem) {
      toasts.error(problem);
    }
  };

  const revoke = async (key: api_key) => {
    try {
      await api.delete_key(key.id);
      set_keys((all) => (all ?? []).filter((k) => k.id !== key.id));
      if (made?.id === key.id) set_made(null);
    } catch (problem) {
      toasts.error(problem);
    }
  };

  return (
    <section className="card keys-card">
      <h2>API keys</h2>
      <p className="muted small">
        For scripts and other programs: send one as <code>Authorization: Bearer …</code>; what they
        can do is told in the{" "}
        <a href="/docs" target="_blank" rel="noreferrer">
          API documentation
        </a>
        .
      </p>
      {made !== null && (
        <CopyOnce
          value={made.secret}
          label="The new key"
          testid={ids.key_secret}
          on_close={() => set_made(null)}
        >
          <p>
            <b>{made.name}</b> is ready. Copy the key now: it is not shown again.
          </p>
        </CopyOnce>
      )}
      <form className="line wrap" onSubmit={create} data-testid={ids.key_form}>
        <input
          placeholder="Name, for example: nightly export"
          aria-label="Name of the key"
          required
          maxLength={100}
          value={name}
          data-testid={ids.key_name}
          onChange={(e) => set_name(e.target.value)}
        />
        <select aria-label="Expires" value={days} onChange={(e) => set_days(e.target.value)}>
          <option value="30">30 days</option>
          <option value="90">90 days</option>
          <option value="365">1 year</option>
          <option value="">never expires</option>
        </select>
        <label className="check">
          <input
            type="checkbox"
            checked={read_only}
            onChange={(e) => set_read_only(e.target.checked)}
          />
          read-only
        </label>
        <button type="submit" className="primary" data-testid={ids.key_create}>
          Create key
        </button>
      </form>
      {keys !== null && keys.length === 0 && <p className="muted small">No keys yet.</p>}
      {keys !== null && keys.length > 0 && (
        <div className="scroll">
          <table>
            <thead>
              <tr>
                <th>Name</th>
                <th>Rights</th>
                <th>Expires</th>
                <th>Last used</th>
                <th>
                  <span className="hidden-words">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {keys.map((k) => (
                <tr key={k.id} data-testid={ids.key_row}>
                  <td>
                    {k.name} {k.prefix && <code className="muted">{k.prefix}…</code>}
                  </td>
                  <td>{k.read_only ? "read-only" : "full"}</td>
                  <td>
                    {k.expires_at !== null && Date.parse(k.expires_at) <= now ? (
                      <span className="badge status-failed">expired</span>
                    ) : (
                      <Moment at={k.expires_at} />
                    )}
                  </td>
                  <td>
                    <Moment at={k.last_used_at} />
                  </td>
                  <td>
                    <button
                      type="button"
                      className="quiet"
                      data-testid={ids.key_revoke}
                      onClick={() => set_revoking(k)}
                    >
                      Revoke
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {revoking !== null && (
        <Confirm
          title={`Revoke “${revoking.name}”?`}
          text="Programs that use this key stop working at once."
          confirm="Revoke"
          on_close={() => set_revoking(null)}
          on_confirm={() => void revoke(revoking)}
        />
      )}
    </section>
  );
}
