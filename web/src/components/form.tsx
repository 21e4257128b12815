// What the forms about an account share: their fields, one attempt at a time, and why it failed.
import { useCallback, useState } from "react";
import { describe } from "../api/client";
import type { managed_user } from "../api/types";
import { useSession } from "../state/session";
import { ids } from "../testids";
import { PasswordField } from "./password_field";

export interface attempts {
  busy: boolean;
  error: string | null;
  set_error: (text: string | null) => void;
  /** Runs it; what it throws is the form's error. */
  attempt: (action: () => Promise<void>) => Promise<void>;
}

export function useAttempt(first_error: string | null | (() => string | null) = null): attempts {
  const [busy, set_busy] = useState(false);
  const [error, set_error] = useState(first_error);
  const attempt = useCallback(async (action: () => Promise<void>) => {
    set_busy(true);
    set_error(null);
    try {
      await action();
    } catch (problem) {
      set_error(describe(problem));
    } finally {
      set_busy(false);
    }
  }, []);
  return { busy, error, set_error, attempt };
}

export function FormError({ text }: { text: string | null }) {
  if (text === null) return null;
  return (
    <p className="form-error" role="alert" data-testid={ids.form_error}>
      {text}
    </p>
  );
}

interface text_field {
  value: string;
  on_change: (text: string) => void;
}

/** own: the address of whoever sits here, not of somebody else. */
export function EmailField({ own, value, on_change }: text_field & { own: boolean }) {
  return (
    <label>
      Email
      <input
        type="email"
        autoComplete={own ? "username" : "off"}
        required
        autoFocus={own}
        maxLength={254}
        value={value}
        data-testid={ids.email}
        onChange={(e) => on_change(e.target.value)}
      />
    </label>
  );
}

export function NameField({
  label = "Name",
  own = false,
  optional = false,
  value,
  on_change,
}: text_field & { label?: string; own?: boolean; optional?: boolean }) {
  return (
    <label>
      {label}
      <input
        placeholder={optional ? "optional" : undefined}
        autoComplete={own ? "name" : "off"}
        maxLength={100}
        value={value}
        data-testid={ids.display_name}
        onChange={(e) => on_change(e.target.value)}
      />
    </label>
  );
}

type role = managed_user["role"];

export function RoleField({
  value,
  on_change,
  locked = false,
}: {
  value: role;
  on_change: (r: role) => void;
  /** One's own. */
  locked?: boolean;
}) {
  return (
    <label>
      Role
      <select
        value={value}
        disabled={locked}
        title={locked ? "You cannot take away your own role" : undefined}
        onChange={(e) => on_change(e.target.value as role)}
      >
        <option value="user">User</option>
        <option value="admin">Administrator</option>
      </select>
    </label>
  );
}

/** A password that is being chosen: as long as this server wants it. */
export function NewPassword({
  label,
  testid = ids.password,
  focus = false,
  value,
  on_change,
}: text_field & { label: string; testid?: string; focus?: boolean }) {
  const { system } = useSession();
  return (
    <PasswordField
      label={label}
      fresh
      focus={focus}
      shortest={system?.limits?.password_chars_min ?? 8}
      testid={testid}
      value={value}
      on_change={on_change}
    />
  );
}
