// A modal dialog on the browser's own <dialog>: focus is kept inside, Escape closes it.
import { useEffect, useRef, type ReactNode } from "react";
import { ids } from "../testids";

export function Dialog({
  title,
  children,
  on_close,
  actions,
  wide = false,
}: {
  title: string;
  children: ReactNode;
  on_close: () => void;
  actions?: ReactNode;
  wide?: boolean;
}) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const d = element.current;
    // Where the focus comes from is where it goes back to.
    const before = document.activeElement;
    if (d && !d.open) d.showModal();
    // The browser would take the first button, which closes; a field or the safe answer is better.
    const first = d?.querySelector<HTMLElement>(
      ".dialog-content :is(input:not([readonly]), select), .dialog-actions button:not(.danger)",
    );
    first?.focus();
    return () => {
      d?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      className={wide ? "dialog wide" : "dialog"}
      data-testid={ids.dialog}
      aria-label={title}
      onCancel={(e) => {
        e.preventDefault();
        on_close();
      }}
      onClick={(e) => {
        if (e.target === element.current) on_close();
      }}
    >
      <div className="dialog-body">
        <header className="dialog-head">
          <h2>{title}</h2>
          <button type="button" className="icon" aria-label="Close" onClick={on_close}>
            ×
          </button>
        </header>
        <div className="dialog-content">{children}</div>
        {actions && <footer className="dialog-actions">{actions}</footer>}
      </div>
    </dialog>
  );
}

export function Confirm({
  title,
  text,
  confirm,
  on_confirm,
  on_close,
}: {
  title: string;
  text: string;
  confirm: string;
  on_confirm: () => void;
  on_close: () => void;
}) {
  return (
    <Dialog
      title={title}
      on_close={on_close}
      actions={
        <>
          <button type="button" onClick={on_close}>
            Cancel
          </button>
          <button
            type="button"
            className="danger"
            data-testid={ids.dialog_confirm}
            onClick={() => {
              on_close();
              on_confirm();
            }}
          >
            {confirm}
          </button>
        </>
      }
    >
      <p>{text}</p>
    </Dialog>
  );
}
