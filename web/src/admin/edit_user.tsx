// One user: name, role and limits; links; disabling and deleting.
import { useState, type FormEvent } from "react";
import * as api from "../api/admin_routes";
import type { issued_link, link_kind, managed_user, user_change } from "../api/types";
import { Dialog } from "../components/dialog";
import { FormError, NameField, RoleField, useAttempt } from "../components/form";
import { useToasts } from "../components/toasts";
import { bytes, plural, when } from "../lib/format";
import { ids } from "../testids";
import { Issued } from "./issued";
import { changes_of, field_problem, form_of, type number_field } from "./user_list";

const fields: [number_field, string, string][] = [
  ["max_images", "Images at most", ""],
  ["max_storage_mb", "Storage at most, MB", ""],
  ["max_concurrent_jobs", "Jobs at once", ""],
  ["share_weight", "Weight", "Twice the weight gets twice the machine when it is busy."],
];

export function EditUser({
  user,
  is_self,
  can_link,
  on_changed,
  on_delete,
  on_close,
}: {
  user: managed_user;
  is_self: boolean;
  can_link: boolean;
  on_changed: (u: managed_user) => void;
  on_delete: () => void;
  on_close: () => void;
}) {
  const [form, set_form] = useState(() => form_of(user));
  const { busy, error, attempt } = useAttempt();
  const [link, set_link] = useState<issued_link | null>(null);
  const toasts = useToasts();
  const changes = changes_of(user, form);
  const wrong = fields.some(([name]) => field_problem(name, form[name]) !== null);

  const send = (change: user_change, said: string) =>
    attempt(async () => {
      const changed = await api.patch_user(user.id, change);
      on_changed(changed);
      toasts.info(said);
    });
  const save = async (e: FormEvent) => {
    e.preventDefault();
    await send(changes, "Saved");
  };
  const issue = (kind: link_kind) =>
    attempt(async () => set_link(await api.issue_link(user.id, kind)));

  return (
    <Dialog title={user.email} on_close={on_close}>
      <p className="muted small">
        {user.disabled && <span className="badge status-failed">disabled</span>} Since{" "}
        {when(user.created_at)} · {plural(user.image_count, "image")}, {bytes(user.storage_bytes)} ·{" "}
        {plural(user.running_jobs, "job")} running
      </p>
      <form className="stack" onSubmit={save} data-testid={ids.user_edit}>
        <div className="two">
          <NameField
            value={form.display_name}
            on_change={(display_name) => set_form({ ...form, display_name })}
          />
          <RoleField
            value={form.role}
            locked={is_self}
            on_change={(role) => set_form({ ...form, role })}
          />
          {fields.map(([name, label, hint]) => {
            const problem = field_problem(name, form[name]);
            return (
              <label key={name}>
                {label}
                <input
                  inputMode="decimal"
                  value={form[name]}
                  name={name}
                  aria-invalid={problem !== null}
                  onChange={(e) => set_form({ ...form, [name]: e.target.value })}
                />
                {(problem ?? hint) !== "" && (
                  <small className={problem === null ? "muted" : "error-text"}>
                    {problem ?? hint}
                  </small>
                )}
              </label>
            );
          })}
        </div>
        <FormError text={error} />
        <div className="dialog-actions">
          <button
            type="submit"
            className="primary"
            disabled={busy || wrong || Object.keys(changes).length === 0}
            data-testid={ids.user_save}
          >
            Save
          </button>
        </div>
      </form>
      {link !== null && (
        <Issued link={link} email={user.email} on_close={() => set_link(null)} />
      )}
      {(can_link || !is_self) && (
        <div className="line wrap user-actions">
          {can_link && (
            <>
              <button
                type="button"
                disabled={busy || user.disabled}
                title="To choose a new password; links given out before end"
                data-testid={ids.user_link}
                onClick={() => void issue("reset")}
              >
                Reset link
              </button>
              <button
                type="button"
                disabled={busy || user.disabled}
                title="For somebody who has never signed in; links given out before end"
                onClick={() => void issue("invite")}
              >
                Invite link
              </button>
            </>
          )}
          {!is_self && (
            <>
              <button
                type="button"
                disabled={busy}
                title="A disabled user is signed out and cannot sign in; everything is kept"
                data-testid={ids.user_disable}
                onClick={() =>
                  void send(
                    { disabled: !user.disabled },
                    user.disabled ? "Enabled" : "Disabled and signed out",
                  )
                }
              >
                {user.disabled ? "Enable" : "Disable"}
              </button>
              <button
                type="button"
                className="danger-quiet"
                disabled={busy}
                data-testid={ids.user_delete}
                onClick={on_delete}
              >
                Delete…
              </button>
            </>
          )}
        </div>
      )}
    </Dialog>
  );
}
