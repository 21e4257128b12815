// The administrator's pages share a heading and tabs.
import type { ReactNode } from "react";
import { Empty } from "../components/bits";
import { Link, useRouter } from "../lib/router";
import { useTitle } from "../lib/title";
import { useSession } from "../state/session";
import { ids } from "../testids";
import { admin_tabs } from "./paths";

export function AdminFrame({ title, children }: { title: string; children: ReactNode }) {
  const { at } = useRouter();
  const { user } = useSession();
  useTitle(title);
  if (user?.role !== "admin") {
    return (
      <Empty title="Only administrators see this page">
        <Link to="/">To the images</Link>
      </Empty>
    );
  }
  return (
    <div className="page">
      <div className="toolbar">
        <h1>Administration</h1>
        <nav className="segmented tabs" aria-label="Administration">
          {admin_tabs.map(([path, name]) => (
            <Link
              key={path}
              to={path}
              aria-current={at.path === path ? "page" : undefined}
              data-testid={ids.admin_tab(path.slice(1))}
            >
              {name}
            </Link>
          ))}
        </nav>
      </div>
      {children}
    </div>
  );
}
