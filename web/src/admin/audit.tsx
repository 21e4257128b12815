// The audit log: who did what to accounts and keys, newest first.
import { useCallback, useEffect, useReducer, useRef, useState } from "react";
import * as api from "../api/admin_routes";
import { is_absent } from "../api/client";
import { Empty, Spinner, Unread } from "../components/bits";
import { useNow } from "../components/time";
import { useToasts } from "../components/toasts";
import { ago } from "../lib/format";
import { useServerBack } from "../state/live";
import { useLoaded } from "../state/use_loaded";
import { ids } from "../testids";
import { no_audit, reduce_audit } from "./audit_list";
import {
  action_name,
  action_names,
  action_tone,
  audit_detail,
  audit_sentence,
} from "./audit_words";
import { AdminFrame } from "./frame";

const page = 50;
const tones = { bad: "status-failed", warn: "status-partly", plain: "" };

function exact(iso: string): string {
  const t = new Date(iso);
  return Number.isNaN(t.getTime())
    ? iso
    : t.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

function AuditList() {
  const [action, set_action] = useState("");
  const [user_id, set_user_id] = useState("");
  const [list, dispatch] = useReducer(reduce_audit, no_audit);
  const [absent, set_absent] = useState(false);
  const users = useLoaded(api.list_users, "The users");
  const question = useRef<AbortController | null>(null);
  const toasts = useToasts();
  const now = useNow();

  const read = useCallback(
    async (cursor: string | null) => {
      question.current?.abort();
      const mine = new AbortController();
      question.current = mine;
      dispatch({ kind: "asked", again: cursor === null });
      try {
        const found = await api.list_audit({
          limit: page,
          cursor,
          action,
          user_id,
          signal: mine.signal,
        });
        dispatch({ kind: "listed", page: found, again: cursor === null });
      } catch (e) {
        if (mine.signal.aborted) return;
        dispatch({ kind: "failed" });
        if (is_absent(e)) set_absent(true);
        else toasts.error(e, "The audit log could not be read");
      }
    },
    [action, user_id, toasts],
  );

  useEffect(() => {
    void read(null);
    return () => question.current?.abort();
  }, [read]);

  useServerBack(() => {
    if (list.entries === null) void read(null);
  });

  if (absent) {
    return (
      <Empty title="This server keeps no audit log">
        A newer version does; it starts with the day of the update.
      </Empty>
    );
  }
  const people = [...(users.value ?? [])].sort((a, b) => a.email.localeCompare(b.email));
  const filtered = action !== "" || user_id !== "";
  return (
    <>
      <div className="toolbar">
        <select
          aria-label="Kind of action"
          value={action}
          data-testid={ids.audit_action}
          onChange={(e) => set_action(e.target.value)}
        >
          <option value="">All actions</option>
          {Object.entries(action_names).map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
        <select
          aria-label="Whose"
          value={user_id}
          data-testid={ids.audit_user}
          onChange={(e) => set_user_id(e.target.value)}
        >
          <option value="">Everybody</option>
          {people.map((u) => (
            <option key={u.id} value={u.id}>
              {u.email}
            </option>
          ))}
        </select>
        <span className="muted small push">
          {list.entries === null ? "" : `${list.entries.length} of ${list.total.toLocaleString()}`}
        </span>
        <button type="button" disabled={list.busy} onClick={() => void read(null)}>
          Read again
        </button>
      </div>
      {list.entries === null && (list.busy ? <Spinner /> : <Unread what="The audit log" again={() => void read(null)} />)}
      {list.entries !== null && list.entries.length === 0 && (
        <Empty title={filtered ? "Nothing fits" : "Nothing has happened yet"}>
          {filtered && "Try another kind of action, or everybody."}
        </Empty>
      )}
      {list.entries !== null && list.entries.length > 0 && (
        <ul className={list.busy ? "card audit busy" : "card audit"} aria-busy={list.busy}>
          {list.entries.map((e) => (
            <li key={e.id} data-testid={ids.audit_row} data-action={e.action}>
              <time dateTime={e.at} title={e.at}>
                <span>{ago(e.at, now)}</span>
                <span className="muted small">{exact(e.at)}</span>
              </time>
              <span className={`badge ${tones[action_tone(e.action)]}`}>
                {action_name(e.action)}
              </span>
              <div className="audit-words">
                <span>{audit_sentence(e)}</span>
                <span className="muted small">
                  {[audit_detail(e), e.address === null ? "" : `from ${e.address}`]
                    .filter((t) => t !== "")
                    .join(" · ")}
                </span>
              </div>
            </li>
          ))}
        </ul>
      )}
      {list.next !== null && (
        <button
          type="button"
          className="older"
          disabled={list.busy}
          data-testid={ids.audit_older}
          onClick={() => void read(list.next)}
        >
          {list.busy ? "Reading…" : "Show older"}
        </button>
      )}
    </>
  );
}

export function Audit() {
  return (
    <AdminFrame title="Audit log">
      <AuditList />
    </AdminFrame>
  );
}
