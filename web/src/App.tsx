import { lazy, Suspense, useEffect } from "react";
import { admin_paths } from "./admin/paths";
import { Empty, Spinner } from "./components/bits";
import { Boundary, missing_part } from "./components/boundary";
import { Shell } from "./components/shell";
import { ToastProvider } from "./components/toasts";
import { Link, match, Router, safe_next, useRouter } from "./lib/router";
import { Account } from "./pages/account";
import { Gallery } from "./pages/gallery";
import { History } from "./pages/history";
import { Jobs } from "./pages/jobs";
import { LinkPage } from "./pages/link";
import { SignIn } from "./pages/sign_in";
import { LiveProvider } from "./state/live";
import { SessionProvider, useSession } from "./state/session";
import { UploadsProvider } from "./state/uploads_provider";

// The drawing library is half of the program; the other pages do without it.
const Annotate = lazy(() => import("./pages/annotate").catch(not_fetched));
// Most people never see these.
const Administration = lazy(() => import("./admin/administration").catch(not_fetched));

function not_fetched(e: unknown): never {
  throw new missing_part(String(e));
}

function Unreachable({ problem, again }: { problem: string; again: () => void }) {
  return (
    <Empty title="Samovar cannot be reached">
      <p>{problem}</p>
      <button type="button" className="primary" onClick={again}>
        Try again
      </button>
    </Empty>
  );
}

function Pages() {
  const { at } = useRouter();
  const image = match("/images/:id", at.path);
  if (image) {
    return (
      <Shell full>
        <Suspense fallback={<Spinner />}>
          <Annotate id={image.id!} />
        </Suspense>
      </Shell>
    );
  }
  return (
    <Shell>
      {match("/", at.path) ? (
        <Gallery />
      ) : match("/jobs", at.path) ? (
        <Jobs />
      ) : match("/history", at.path) ? (
        <History />
      ) : match("/account", at.path) ? (
        <Account />
      ) : admin_paths.includes(at.path) ? (
        <Suspense fallback={<Spinner />}>
          <Administration path={at.path} />
        </Suspense>
      ) : (
        <Empty title="There is nothing here">
          <Link to="/">To the images</Link>
        </Empty>
      )}
    </Shell>
  );
}

function Gate() {
  const { at, go } = useRouter();
  const { user, problem, refresh } = useSession();
  const open = ["/sign-in", "/setup", "/invite", "/reset"].includes(at.path);

  useEffect(() => {
    if (user === null && !open) {
      const back = at.path + at.search;
      go(back === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(back)}`, true);
    }
  }, [user, open, at, go]);

  if (at.path === "/invite" || at.path === "/reset") return <LinkPage key={at.search} />;
  if (at.path === "/setup") return <SignIn key="setup" purpose="setup" />;
  if (user === undefined) {
    return problem === null ? (
      <Spinner />
    ) : (
      <Unreachable problem={problem} again={() => void refresh().catch(() => {})} />
    );
  }
  if (user === null) return <SignIn key="sign-in" purpose="sign-in" />;
  // One account's jobs must never show under another's.
  return (
    <LiveProvider key={user.id}>
      <UploadsProvider>{open ? <GoHome /> : <Pages />}</UploadsProvider>
    </LiveProvider>
  );
}

function GoHome() {
  const { at, go } = useRouter();
  useEffect(() => go(safe_next(at.search), true), [go, at.search]);
  return null;
}

export function App() {
  return (
    <Router>
      <ToastProvider>
        <Boundary at="">
          <SessionProvider>
            <Gate />
          </SessionProvider>
        </Boundary>
      </ToastProvider>
    </Router>
  );
}
