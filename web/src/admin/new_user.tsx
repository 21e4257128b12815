// A new account: with a first password, or with a link by which its owner chooses one.
import { useState, type FormEvent } from "react";
import * as api from "../api/admin_routes";
import type { issued_link, managed_user } from "../api/types";
import { Dialog } from "../components/dialog";
import {
  EmailField,
  FormError,
  NameField,
  NewPassword,
  RoleField,
  useAttempt,
} from "../components/form";
import { ids } from "../testids";
import { Issued } from "./issued";

export function NewUser({
  can_invite,
  on_made,
  on_close,
}: {
  /** Links need a server that knows what to do with them. */
  can_invite: boolean;
  on_made: (u: managed_user) => void;
  on_close: () => void;
}) {
  const [email, set_email] = useState("");
  const [name, set_name] = useState("");
  const [role, set_role] = useState<managed_user["role"]>("user");
  const [way, set_way] = useState<"invite" | "password">(can_invite ? "invite" : "password");
  const [password, set_password] = useState("");
  const { busy, error, attempt } = useAttempt();
  const [invite, set_invite] = useState<issued_link | null>(null);

  const create = async (e: FormEvent) => {
    e.preventDefault();
    await attempt(async () => {
      const { invite: link, ...made } = await api.create_user({
        email: email.trim(),
        role,
        ...(name.trim() === "" ? {} : { display_name: name.trim() }),
        ...(way === "password" ? { password } : {}),
      });
      on_made(made);
      if (link === undefined) on_close();
      else set_invite(link);
    });
  };

  if (invite !== null) {
    return (
      <Dialog title="The account is made" on_close={on_close}>
        <Issued link={invite} email={email} on_close={on_close} />
      </Dialog>
    );
  }
  return (
    <Dialog title="New user" on_close={on_close}>
      <form className="stack" onSubmit={create} data-testid={ids.user_form}>
        <EmailField own={false} value={email} on_change={set_email} />
        <div className="two">
          <NameField optional value={name} on_change={set_name} />
          <RoleField value={role} on_change={set_role} />
        </div>
        {can_invite && (
          <fieldset>
            <legend>First sign-in</legend>
            <label className="check">
              <input
                type="radio"
                name="way"
                checked={way === "invite"}
                onChange={() => set_way("invite")}
              />
              by an invite link: they choose their password
            </label>
            <label className="check">
              <input
                type="radio"
                name="way"
                checked={way === "password"}
                onChange={() => set_way("password")}
              />
              with a password that I tell them
            </label>
          </fieldset>
        )}
        {way === "password" && (
          <NewPassword label="First password" value={password} on_change={set_password} />
        )}
        <FormError text={error} />
        <div className="dialog-actions">
          <button type="button" onClick={on_close}>
            Cancel
          </button>
          <button type="submit" className="primary" disabled={busy} data-testid={ids.submit}>
            {busy ? "Creating…" : way === "invite" ? "Create and get the link" : "Create"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
