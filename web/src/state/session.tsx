// Who is signed in, and the server's own description of itself.
import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useState,
  type ReactNode,
} from "react";
import { api_error, describe, on_signed_out, set_csrf_token } from "../api/client";
import { get_providers } from "../api/account_routes";
import * as api from "../api/routes";
import type { me, providers, system_info } from "../api/types";

interface session {
  /** undefined while it is being found out. */
  user: me | null | undefined;
  system: system_info | null;
  /** The ways to sign in; null where the server does not tell. undefined while it is asked. */
  providers: providers | null | undefined;
  /** Set when the server could not be asked at all. */
  problem: string | null;
  refresh: () => Promise<void>;
  sign_in: (email: string, password: string) => Promise<void>;
  sign_out: () => Promise<void>;
  change_user: (change: Partial<me>) => void;
}

const context = createContext<session | null>(null);

export function SessionProvider({ children }: { children: ReactNode }) {
  const [user, set_user] = useState<me | null | undefined>(undefined);
  const [system, set_system] = useState<system_info | null>(null);
  const [ways, set_ways] = useState<providers | null | undefined>(undefined);
  const [problem, set_problem] = useState<string | null>(null);

  const refresh = useCallback(async () => {
    try {
      const who = await api.get_me();
      if (who.csrf_token) set_csrf_token(who.csrf_token);
      set_user(who);
      set_problem(null);
    } catch (e) {
      if (e instanceof api_error && e.status === 401) {
        set_user(null);
        set_problem(null);
      } else {
        set_problem(describe(e));
        throw e;
      }
    }
  }, []);

  const read_system = useCallback(async () => {
    try {
      set_system(await api.system());
    } catch {
      // The pages work without it; text prompts and registration are then simply not offered.
    }
  }, []);

  useEffect(() => {
    on_signed_out(() => {
      set_csrf_token("");
      set_user(null);
    });
    void read_system();
    get_providers()
      .then(set_ways)
      // A server without it has passwords, and says by itself whether it takes registrations.
      .catch(() => set_ways(null));
    refresh().catch(() => {
      // `problem` is shown with a button to try again.
    });
  }, [refresh, read_system]);

  const sign_in = useCallback(
    async (email: string, password: string) => {
      const answer = await api.login(email, password);
      if (answer?.csrf_token) set_csrf_token(answer.csrf_token);
      await Promise.all([refresh(), read_system()]);
    },
    [refresh, read_system],
  );

  const sign_out = useCallback(async () => {
    await api.logout();
    set_csrf_token("");
    set_user(null);
  }, []);

  const change_user = useCallback(
    (change: Partial<me>) => set_user((u) => (u ? { ...u, ...change } : u)),
    [],
  );

  const value = useMemo(
    () => ({ user, system, providers: ways, problem, refresh, sign_in, sign_out, change_user }),
    [user, system, ways, problem, refresh, sign_in, sign_out, change_user],
  );
  return <context.Provider value={value}>{children}</context.Provider>;
}

export function useSession(): session {
  const value = useContext(context);
  if (value === null) throw new Error("useSession outside SessionProvider");
  return value;
}
