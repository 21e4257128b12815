// Short messages at the corner; nothing fails silently. Errors stay longer.
import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  type ReactNode,
} from "react";
import { describe, api_error } from "../api/client";
import { ids } from "../testids";

interface toast {
  id: number;
  kind: "error" | "info";
  text: string;
  /** Helps an administrator to find the failure in the log. */
  request_id: string | null;
}

interface toaster {
  error: (e: unknown, what?: string) => void;
  info: (text: string) => void;
}

const context = createContext<toaster>({ error: () => {}, info: () => {} });
const shown_max = 5;
const info_ms = 4000;
const error_ms = 15_000;
let next_id = 1;

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, set_toasts] = useState<toast[]>([]);
  const corner = useRef<HTMLDivElement>(null);
  const close = useCallback(
    (id: number) => set_toasts((all) => all.filter((t) => t.id !== id)),
    [],
  );
  const add = useCallback(
    (kind: toast["kind"], text: string, request_id: string | null = null) => {
      const id = next_id++;
      set_toasts((all) =>
        [...all.filter((t) => t.text !== text), { id, kind, text, request_id }].slice(-shown_max),
      );
      setTimeout(() => close(id), kind === "info" ? info_ms : error_ms);
    },
    [close],
  );
  // Above an open dialog: both are in the browser's top layer, and the last one there is in front.
  useEffect(() => {
    const element = corner.current;
    if (element?.showPopover === undefined) return;
    if (element.matches(":popover-open")) element.hidePopover();
    if (toasts.length > 0) element.showPopover();
  }, [toasts]);
  const value = useMemo<toaster>(
    () => ({
      error: (e, what) => {
        // The sign-in page says so itself.
        if (e instanceof api_error && e.status === 401) return;
        if (e instanceof DOMException && e.name === "AbortError") return;
        // Not a failure: everything is up to date already.
        if (e instanceof api_error && e.detail === "No images need processing") {
          add(
            "info",
            `${e.detail}: nothing is marked on them in this mode, or nothing has changed since the last run`,
          );
          return;
        }
        add(
          "error",
          what === undefined ? describe(e) : `${what}: ${describe(e)}`,
          e instanceof api_error ? e.request_id : null,
        );
      },
      info: (text) => add("info", text),
    }),
    [add],
  );
  return (
    <context.Provider value={value}>
      {children}
      <div ref={corner} popover="manual" className="toasts" role="status" aria-live="polite">
        {toasts.map((t) => (
          <div key={t.id} className={`toast ${t.kind}`} data-testid={ids.toast}>
            <span>
              {t.text}
              {t.request_id !== null && (
                <small className="muted request-id">
                  Request <code>{t.request_id}</code>
                </small>
              )}
            </span>
            <button type="button" className="icon" aria-label="Close" onClick={() => close(t.id)}>
              ×
            </button>
          </div>
        ))}
      </div>
    </context.Provider>
  );
}

export const useToasts = () => useContext(context);
