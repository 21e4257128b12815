// Where one is signed in, and how to end it there.
import { useState } from "react";
import * as api from "../api/account_routes";
import type { session_entry, session_list } from "../api/types";
import { Confirm } from "../components/dialog";
import { Moment } from "../components/time";
import { useToasts } from "../components/toasts";
import { browser_words } from "../lib/browsers";
import { plural } from "../lib/format";
import type { loaded } from "../state/use_loaded";
import { useSession } from "../state/session";
import { ids } from "../testids";

/** One's own first, then the latest seen. */
export function sessions_in_order(list: session_entry[]): session_entry[] {
  return [...list].sort(
    (a, b) =>
      Number(b.current) - Number(a.current) || b.last_seen_at.localeCompare(a.last_seen_at),
  );
}

function Row({ entry, on_revoke }: { entry: session_entry; on_revoke: () => void }) {
  return (
    <li className="entry" data-testid={ids.session_row} data-current={entry.current}>
      <div className="entry-words">
        <b>{browser_words(entry.user_agent)}</b>
        {entry.current && <span className="badge status-completed">this one</span>}
        <span className="muted small" title={entry.user_agent}>
          {entry.address || "unknown address"} · seen <Moment at={entry.last_seen_at} /> · signed in{" "}
          <Moment at={entry.created_at} /> · ends <Moment at={entry.expires_at} />
        </span>
      </div>
      <button
        type="button"
        className="quiet"
        data-testid={ids.session_revoke}
        aria-label={`Sign out ${browser_words(entry.user_agent)}`}
        onClick={on_revoke}
      >
        Sign out
      </button>
    </li>
  );
}

export function Sessions({ sessions }: { sessions: loaded<session_list> }) {
  const [asking, set_asking] = useState<session_entry | "others" | null>(null);
  const { sign_out } = useSession();
  const toasts = useToasts();
  if (sessions.absent || sessions.value === null) return null;
  const list = sessions_in_order(sessions.value.sessions);
  const others = list.filter((s) => !s.current).length;

  const revoke = async (which: session_entry | "others") => {
    try {
      if (which === "others") {
        await api.revoke_other_sessions();
        toasts.info("Signed out everywhere else");
      } else if (which.current) {
        return await sign_out();
      } else {
        await api.revoke_session(which.id);
        toasts.info("Signed out there");
      }
    } catch (e) {
      toasts.error(e);
    }
    await sessions.reload();
  };

  return (
    <section className="card stack" data-testid={ids.sessions}>
      <header className="line wrap spread">
        <h2>Where you are signed in</h2>
        {others > 0 && (
          <button
            type="button"
            data-testid={ids.sessions_revoke_others}
            onClick={() => set_asking("others")}
          >
            Sign out everywhere else
          </button>
        )}
      </header>
      <ul className="entries">
        {list.map((s) => (
          <Row key={s.id} entry={s} on_revoke={() => set_asking(s)} />
        ))}
      </ul>
      {asking !== null && (
        <Confirm
          title={
            asking === "others"
              ? "Sign out everywhere else?"
              : asking.current
                ? "Sign out here?"
                : `Sign out ${browser_words(asking.user_agent)}?`
          }
          text={
            asking === "others"
              ? `${plural(others, "other session")} end at once, with what is open in them. API keys stay.`
              : asking.current
                ? "This is the session you are using right now."
                : "That browser has to sign in again; what is open there ends at once."
          }
          confirm="Sign out"
          on_close={() => set_asking(null)}
          on_confirm={() => void revoke(asking)}
        />
      )}
    </section>
  );
}
