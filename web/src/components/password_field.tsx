// A password with a button to look at what one has typed.
import { useId, useState, type ReactNode } from "react";

export function PasswordField({
  label,
  value,
  on_change,
  fresh,
  shortest,
  required = true,
  testid,
  hint,
  focus = false,
}: {
  label: string;
  value: string;
  on_change: (text: string) => void;
  /** A new password, not the one in use. */
  fresh: boolean;
  /** Characters; only told and checked for a new one. */
  shortest: number;
  required?: boolean;
  testid?: string;
  hint?: ReactNode;
  focus?: boolean;
}) {
  const [seen, set_seen] = useState(false);
  const id = useId();
  const below = fresh ? (hint ?? `At least ${shortest} characters.`) : hint;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="password">
        <input
          id={id}
          type={seen ? "text" : "password"}
          autoComplete={fresh ? "new-password" : "current-password"}
          required={required}
          autoFocus={focus}
          minLength={fresh ? shortest : undefined}
          maxLength={1024}
          spellCheck={false}
          autoCapitalize="off"
          value={value}
          data-testid={testid}
          aria-describedby={below === undefined ? undefined : `${id}-hint`}
          onChange={(e) => on_change(e.target.value)}
        />
        <button
          type="button"
          className="quiet"
          aria-pressed={seen}
          aria-label={`Show: ${label}`}
          onClick={() => set_seen(!seen)}
        >
          {seen ? "Hide" : "Show"}
        </button>
      </div>
      {below !== undefined && (
        <small className="muted" id={`${id}-hint`}>
          {below}
        </small>
      )}
    </div>
  );
}
