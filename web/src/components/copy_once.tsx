// Something that is shown once, with a button to copy it: a key's secret, a link.
import { useRef, useState, type ReactNode } from "react";

export function CopyOnce({
  value,
  label,
  testid,
  children,
  on_close,
}: {
  value: string;
  label: string;
  testid: string;
  children: ReactNode;
  on_close: () => void;
}) {
  const field = useRef<HTMLInputElement>(null);
  const [said, set_said] = useState<string | null>(null);
  const copy = async () => {
    try {
      // Not offered by browsers on plain http to another machine.
      await navigator.clipboard.writeText(value);
      set_said("Copied");
    } catch {
      field.current?.select();
      set_said("Press Ctrl C");
    }
  };
  return (
    <div className="notice secret" role="status">
      {children}
      <div className="line">
        <input
          ref={field}
          readOnly
          value={value}
          aria-label={label}
          data-testid={testid}
          onFocus={(e) => e.currentTarget.select()}
        />
        <button type="button" className="primary copy" onClick={() => void copy()}>
          {said ?? "Copy"}
        </button>
        <button type="button" onClick={on_close}>
          Done
        </button>
      </div>
    </div>
  );
}
