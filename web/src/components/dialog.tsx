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
    if (d && !d.open) d.showModal();
    return () => d?.close();
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
            autoFocus
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
