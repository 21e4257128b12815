// The frame around every signed-in page: navigation, live state, account.
import { useCallback, useRef, type MouseEvent, type ReactNode } from "react";
import { admin_paths } from "../admin/paths";
import { plural } from "../lib/format";
import { Link, useRouter } from "../lib/router";
import { known_words } from "../state/duplicates";
import { useLive } from "../state/live";
import { open_jobs } from "../state/jobs";
import { useSession } from "../state/session";
import { useUploads } from "../state/uploads_provider";
import { ids } from "../testids";
import { Boundary } from "./boundary";
import { useToasts } from "./toasts";
import { DropVeil } from "./uploads_panel";

const live_words = {
  connecting: "connecting…",
  live: "live",
  polling: "polling every 2 s",
  offline: "offline",
} as const;

const live_titles = {
  connecting: "Opening the live connection",
  live: "Changes arrive by themselves over the live connection",
  polling: "The live connection does not work right now; the page asks every 2 seconds instead",
  offline: "The server cannot be reached; the page keeps trying",
} as const;

export function LiveIndicator() {
  const { status } = useLive();
  return (
    <span
      className={`live ${status}`}
      title={live_titles[status]}
      data-testid={ids.live}
      data-status={status}
      role="status"
    >
      <i aria-hidden="true" />
      {live_words[status]}
    </span>
  );
}

function NavLink({
  to,
  testid,
  also = [],
  children,
}: {
  to: string;
  testid: string;
  /** Other paths that belong to it. */
  also?: readonly string[];
  children: ReactNode;
}) {
  const { at } = useRouter();
  const here =
    to === "/"
      ? at.path === "/" || at.path.startsWith("/images/")
      : at.path.startsWith(to) || also.includes(at.path);
  return (
    <Link to={to} data-testid={testid} aria-current={here ? "page" : undefined}>
      {children}
    </Link>
  );
}

/**
 * Along the window's lower edge, where the page keeps room for it: nothing under the pointer moves
 * when it comes and goes, and whatever lies below can be scrolled free of it.
 */
function OfflineNote() {
  const { status } = useLive();
  if (status !== "offline") return null;
  return (
    <p className="offline-note" role="alert" data-testid={ids.offline}>
      <b>The server cannot be reached.</b> Nothing can be saved until it is back; then the page
      goes on by itself.
    </p>
  );
}

/** The address stays: what is behind a # is a page of its own here. */
function to_content(e: MouseEvent): void {
  e.preventDefault();
  document.getElementById("main")?.focus();
}

export function Shell({ children, full = false }: { children: ReactNode; full?: boolean }) {
  const { user, sign_out } = useSession();
  const { at, go } = useRouter();
  const { jobs } = useLive();
  const toasts = useToasts();
  const open = open_jobs(jobs).length;
  const { add } = useUploads();
  const in_gallery = useRef(false);
  in_gallery.current = at.path === "/";
  const dropped = useCallback(
    async (files: File[]) => {
      if (files.length === 0) return toasts.info("No image was found in what you dropped");
      const { fresh, known, refused } = await add(files);
      if (in_gallery.current) return;
      if (fresh > 0) toasts.info(`Uploading ${plural(fresh, "image")}; see Images`);
      if (known > 0) toasts.info(`${known_words(known)}; see there`);
      if (refused > 0) toasts.info(`${plural(refused, "file")} too large; see Images`);
    },
    [add, toasts],
  );
  return (
    <div className={full ? "shell full" : "shell"}>
      <DropVeil on_files={(files) => void dropped(files)} />
      <a className="skip" href="#main" onClick={to_content}>
        To the content
      </a>
      <header className="topbar">
        <Link to="/" className="brand" aria-label="Samovar, to the gallery">
          <img src="/favicon.svg" alt="" width={24} height={24} />
          <span>Samovar</span>
        </Link>
        <nav aria-label="Main">
          <NavLink to="/" testid={ids.nav_gallery}>
            Images
          </NavLink>
          <NavLink to="/jobs" testid={ids.nav_jobs}>
            Jobs{open > 0 && <b className="count">{open}</b>}
          </NavLink>
          <NavLink to="/history" testid={ids.nav_history}>
            History
          </NavLink>
          {user?.role === "admin" && (
            <NavLink to="/users" testid={ids.nav_users} also={admin_paths}>
              Admin
            </NavLink>
          )}
        </nav>
        <div className="topbar-end">
          <LiveIndicator />
          <NavLink to="/account" testid={ids.nav_account}>
            <span className="who">{user?.display_name || user?.email || "Account"}</span>
          </NavLink>
          <button
            type="button"
            className="quiet"
            data-testid={ids.sign_out}
            onClick={() =>
              // Whoever signs in next does not want to be where this user was.
              sign_out()
                .then(() => go("/sign-in", true))
                .catch((e) => toasts.error(e))
            }
          >
            Sign out
          </button>
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <Boundary at={at.path} live>
          {children}
        </Boundary>
      </main>
      <OfflineNote />
    </div>
  );
}
