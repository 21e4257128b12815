// Client-side routing: a path in the address bar, nothing more.
import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useState,
  type AnchorHTMLAttributes,
  type MouseEvent,
  type ReactNode,
} from "react";

export interface location {
  path: string;
  search: string;
}

interface router {
  at: location;
  go: (to: string, replace?: boolean) => void;
}

const context = createContext<router>({ at: { path: "/", search: "" }, go: () => {} });

/**
 * Links that carry a secret come as "/#/invite?token=…": browsers keep what is behind the # to
 * themselves, so that it is in no log of a server or proxy.
 */
export function location_of(pathname: string, search: string, hash: string): location {
  if (!hash.startsWith("#/")) return { path: pathname, search };
  const at = hash.indexOf("?");
  return at < 0
    ? { path: hash.slice(1), search: "" }
    : { path: hash.slice(1, at), search: hash.slice(at) };
}

const read = (): location =>
  location_of(window.location.pathname, window.location.search, window.location.hash);

export function Router({ children }: { children: ReactNode }) {
  const [at, set_at] = useState(read);
  useEffect(() => {
    const changed = () => set_at(read());
    window.addEventListener("popstate", changed);
    window.addEventListener("hashchange", changed);
    return () => {
      window.removeEventListener("popstate", changed);
      window.removeEventListener("hashchange", changed);
    };
  }, []);
  const go = useCallback((to: string, replace = false) => {
    if (replace) window.history.replaceState(null, "", to);
    else window.history.pushState(null, "", to);
    set_at(read());
    window.scrollTo(0, 0);
  }, []);
  const value = useMemo(() => ({ at, go }), [at, go]);
  return <context.Provider value={value}>{children}</context.Provider>;
}

export const useRouter = () => useContext(context);

export function Link({
  to,
  onClick,
  ...rest
}: { to: string } & AnchorHTMLAttributes<HTMLAnchorElement>) {
  const { go } = useRouter();
  const click = (e: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(e);
    if (e.defaultPrevented || e.button !== 0) return;
    if (e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    go(to);
  };
  return <a href={to} onClick={click} {...rest} />;
}

/** Matches "/images/:id" against a path; null when it does not fit. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const want = pattern.split("/").filter(Boolean);
  const have = path.split("/").filter(Boolean);
  if (want.length !== have.length) return null;
  const values: Record<string, string> = {};
  for (let i = 0; i < want.length; i += 1) {
    const w = want[i]!;
    if (w.startsWith(":")) {
      try {
        values[w.slice(1)] = decodeURIComponent(have[i]!);
      } catch {
        return null;
      }
    } else if (w !== have[i]) return null;
  }
  return values;
}

/** Where to go after signing in: only a path of this site, never another one. */
export function safe_next(search: string): string {
  const next = new URLSearchParams(search).get("next") ?? "/";
  return /^\/(?![/\\])/.test(next) && !next.startsWith("/sign-in") ? next : "/";
}
