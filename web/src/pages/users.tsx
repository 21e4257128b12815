// For administrators: who is here, and their limits.
import { useEffect, useState, type FormEvent } from "react";
import * as api from "../api/routes";
import type { managed_user } from "../api/types";
import { Empty, Spinner } from "../components/bits";
import { useToasts } from "../components/toasts";
import { bytes } from "../lib/format";
import { useSession } from "../state/session";
import { ids } from "../testids";

type limit = "max_images" | "max_storage_mb" | "max_concurrent_jobs";

function Limit({
  user,
  name,
  label,
  on_change,
}: {
  user: managed_user;
  name: limit;
  label: string;
  on_change: (value: number) => void;
}) {
  const [text, set_text] = useState(String(user[name]));
  useEffect(() => set_text(String(user[name])), [user, name]);
  const save = () => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= 0 && value !== user[name]) on_change(value);
    else set_text(String(user[name]));
  };
  return (
    <input
      className="number"
      inputMode="numeric"
      aria-label={`${label} of ${user.email}`}
      value={text}
      onChange={(e) => set_text(e.target.value)}
      onBlur={save}
      onKeyDown={(e) => e.key === "Enter" && e.currentTarget.blur()}
    />
  );
}

function NewUser({ on_made }: { on_made: (u: managed_user) => void }) {
  const [email, set_email] = useState("");
  const [password, set_password] = useState("");
  const toasts = useToasts();
  const create = async (e: FormEvent) => {
    e.preventDefault();
    try {
      on_made(await api.create_user(email, password));
      set_email("");
      set_password("");
      toasts.info("User added");
    } catch (problem) {
      toasts.error(problem);
    }
  };
  return (
    <form className="card line wrap" onSubmit={create} data-testid={ids.user_form}>
      <b>Add a user</b>
      <input
        type="email"
        placeholder="Email"
        aria-label="Email of the new user"
        autoComplete="off"
        required
        value={email}
        onChange={(e) => set_email(e.target.value)}
      />
      <input
        type="password"
        placeholder="First password"
        aria-label="First password of the new user"
        autoComplete="new-password"
        required
        minLength={8}
        value={password}
        onChange={(e) => set_password(e.target.value)}
      />
      <button type="submit" className="primary">
        Add
      </button>
    </form>
  );
}

export function Users() {
  const { user: self } = useSession();
  const [users, set_users] = useState<managed_user[] | null>(null);
  const toasts = useToasts();
  const admin = self?.role === "admin";
  useEffect(() => {
    if (!admin) return;
    api
      .list_users()
      .then(set_users)
      .catch((e) => {
        toasts.error(e);
        set_users([]);
      });
  }, [toasts, admin]);

  const change = async (u: managed_user, to: Record<string, unknown>) => {
    try {
      const changed = await api.patch_user(u.id, to);
      set_users((all) => (all ?? []).map((x) => (x.id === u.id ? { ...x, ...changed } : x)));
      toasts.info("Saved");
    } catch (e) {
      toasts.error(e);
      // The fields go back to what the server has.
      set_users((all) => (all ?? []).map((x) => (x.id === u.id ? { ...x } : x)));
    }
  };

  if (!admin) return <Empty title="Only administrators see this page" />;
  return (
    <div className="page">
      <div className="toolbar">
        <h1>Users</h1>
      </div>
      <NewUser on_made={(u) => set_users((all) => [...(all ?? []), u])} />
      {users === null && <Spinner />}
      <div className="scroll card">
        <table>
          <thead>
            <tr>
              <th>User</th>
              <th>Role</th>
              <th>Uses</th>
              <th>Images, most</th>
              <th>Storage, MB</th>
              <th>Jobs at once</th>
              <th />
            </tr>
          </thead>
          <tbody>
            {users?.map((u) => (
              <tr key={u.id} data-testid={ids.user_row}>
                <td>
                  {u.display_name && <b>{u.display_name} </b>}
                  {u.email}
                  {u.disabled && <span className="badge status-failed">disabled</span>}
                </td>
                <td>
                  <select
                    aria-label={`Role of ${u.email}`}
                    value={u.role}
                    disabled={u.id === self?.id}
                    onChange={(e) => void change(u, { role: e.target.value })}
                  >
                    <option value="user">user</option>
                    <option value="admin">admin</option>
                  </select>
                </td>
                <td className="muted small">
                  {u.image_count} images, {bytes(u.storage_bytes)}
                </td>
                {(
                  [
                    ["max_images", "Images"],
                    ["max_storage_mb", "Storage"],
                    ["max_concurrent_jobs", "Jobs"],
                  ] as [limit, string][]
                ).map(([name, label]) => (
                  <td key={name}>
                    <Limit
                      user={u}
                      name={name}
                      label={label}
                      on_change={(value) => void change(u, { [name]: value })}
                    />
                  </td>
                ))}
                <td>
                  {u.id !== self?.id && (
                    <button
                      type="button"
                      className="quiet"
                      title="A disabled user is signed out and cannot sign in"
                      onClick={() => void change(u, { disabled: !u.disabled })}
                    >
                      {u.disabled ? "Enable" : "Disable"}
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
