// Deleting an account takes everything with it, so its name has to be typed.
import { useState, type FormEvent } from "react";
import * as api from "../api/admin_routes";
import type { managed_user } from "../api/types";
import { Dialog } from "../components/dialog";
import { FormError, useAttempt } from "../components/form";
import { bytes, plural } from "../lib/format";
import { ids } from "../testids";

export function DeleteUser({
  user,
  on_deleted,
  on_close,
}: {
  user: managed_user;
  on_deleted: () => void;
  on_close: () => void;
}) {
  const [typed, set_typed] = useState("");
  const { busy, error, attempt } = useAttempt();
  const same = typed.trim().toLowerCase() === user.email.toLowerCase();

  const remove = async (e: FormEvent) => {
    e.preventDefault();
    if (!same) return;
    await attempt(async () => {
      await api.delete_user(user.id);
      on_deleted();
    });
  };

  return (
    <Dialog title="Delete this account?" on_close={on_close}>
      <form className="stack" onSubmit={remove}>
        <p>
          <b>{user.email}</b> is deleted with{" "}
          {user.image_count > 0 &&
            `${plural(user.image_count, "image")} (${bytes(user.storage_bytes)}) and `}
          all prompts, results, jobs and API keys. This cannot be undone; disabling keeps
          everything.
        </p>
        <label>
          Type the email address to confirm
          <input
            autoComplete="off"
            spellCheck={false}
            value={typed}
            placeholder={user.email}
            data-testid={ids.user_delete_words}
            onChange={(e) => set_typed(e.target.value)}
          />
        </label>
        <FormError text={error} />
        <div className="dialog-actions">
          <button type="button" onClick={on_close}>
            Cancel
          </button>
          <button
            type="submit"
            className="danger"
            disabled={!same || busy}
            data-testid={ids.user_delete_confirm}
          >
            {busy ? "Deleting…" : "Delete with everything"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
