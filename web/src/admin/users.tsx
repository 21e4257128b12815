// Everybody who has an account here.
import { useState } from "react";
import { list_sessions } from "../api/account_routes";
import * as api from "../api/admin_routes";
import type { managed_user } from "../api/types";
import { Bar, Empty, Spinner, Unread } from "../components/bits";
import { useToasts } from "../components/toasts";
import { bytes } from "../lib/format";
import { useSession } from "../state/session";
import { useLoaded } from "../state/use_loaded";
import { ids } from "../testids";
import { DeleteUser } from "./delete_user";
import { EditUser } from "./edit_user";
import { AdminFrame } from "./frame";
import { NewUser } from "./new_user";
import { found_users, page_at, type state_filter } from "./user_list";

const mebibyte = 1024 * 1024;

function Use({ used, most, text }: { used: number; most: number; text: string }) {
  const part = most > 0 ? used / most : 1;
  return (
    <div className="use">
      <span className="small">{text}</span>
      <Bar value={part} tone={part >= 1 ? "bad" : part > 0.85 ? "warn" : "accent"} label={text} />
    </div>
  );
}

function Row({ user, is_self, on_edit }: { user: managed_user; is_self: boolean; on_edit: () => void }) {
  return (
    <tr data-testid={ids.user_row} data-email={user.email} className={user.disabled ? "off" : ""}>
      <td>
        <div className="who-cell">
          <span className="name">
            <b>{user.display_name || user.email}</b>
            {is_self && <span className="badge">you</span>}
            {user.role === "admin" && <span className="badge status-running">admin</span>}
            {user.disabled && <span className="badge status-failed">disabled</span>}
          </span>
          {user.display_name && user.display_name !== user.email && (
            <span className="muted small name">{user.email}</span>
          )}
        </div>
      </td>
      <td>
        <Use
          used={user.image_count}
          most={user.max_images}
          text={`${user.image_count.toLocaleString()} of ${user.max_images.toLocaleString()}`}
        />
      </td>
      <td>
        <Use
          used={user.storage_bytes}
          most={user.max_storage_mb * mebibyte}
          text={`${bytes(user.storage_bytes)} of ${bytes(user.max_storage_mb * mebibyte)}`}
        />
      </td>
      <td className="number-cell">
        {user.running_jobs} of {user.max_concurrent_jobs}
      </td>
      <td className="number-cell">{user.share_weight}</td>
      <td>
        <button type="button" aria-label={`Manage ${user.email}`} onClick={on_edit}>
          Manage
        </button>
      </td>
    </tr>
  );
}

/** Read by an administrator only: the frame has made sure. */
function UserList() {
  const { user: self } = useSession();
  const users = useLoaded(api.list_users, "The users");
  // Links come with the rest of the accounts' routes; a server without them takes passwords only.
  const accounts = useLoaded(list_sessions, "Your sessions");
  const can_link = accounts.value !== null;
  const [search, set_search] = useState("");
  const [filter, set_filter] = useState<state_filter>("all");
  const [page, set_page] = useState(0);
  const [making, set_making] = useState(false);
  const [edited, set_edited] = useState<string | null>(null);
  const [deleting, set_deleting] = useState<managed_user | null>(null);
  const toasts = useToasts();
  if (users.value === null) {
    if (!users.failed) return <Spinner />;
    return <Unread what="The users" again={() => void users.reload()} />;
  }
  const found = found_users(users.value, search, filter);
  const shown = page_at(found, page);
  const one = users.value.find((u) => u.id === edited);

  return (
    <>
      <div className="toolbar">
        <input
          type="search"
          placeholder="Search by email or name"
          aria-label="Search by email or name"
          value={search}
          data-testid={ids.user_search}
          onChange={(e) => {
            set_search(e.target.value);
            set_page(0);
          }}
        />
        <select
          aria-label="Which users"
          value={filter}
          onChange={(e) => {
            set_filter(e.target.value as state_filter);
            set_page(0);
          }}
        >
          <option value="all">Everybody</option>
          <option value="active">Active</option>
          <option value="disabled">Disabled</option>
          <option value="admins">Administrators</option>
        </select>
        <span className="muted small push">{shown.words}</span>
        <button
          type="button"
          className="primary"
          data-testid={ids.user_new}
          onClick={() => set_making(true)}
        >
          New user
        </button>
      </div>
      {found.length === 0 ? (
        <Empty title="Nobody fits">Try another search.</Empty>
      ) : (
        <div className="scroll card">
          <table className="users">
            <thead>
              <tr>
                <th>User</th>
                <th>Images</th>
                <th>Storage</th>
                <th className="number-cell">Running</th>
                <th className="number-cell">Weight</th>
                <th>
                  <span className="hidden-words">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.items.map((u) => (
                <Row
                  key={u.id}
                  user={u}
                  is_self={u.id === self?.id}
                  on_edit={() => set_edited(u.id)}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {shown.pages > 1 && (
        <nav className="line pager" aria-label="Pages">
          <button
            type="button"
            disabled={shown.page === 0}
            data-testid={ids.page_previous}
            onClick={() => set_page(shown.page - 1)}
          >
            Previous
          </button>
          <span className="muted small">
            Page {shown.page + 1} of {shown.pages}
          </span>
          <button
            type="button"
            disabled={shown.page + 1 === shown.pages}
            data-testid={ids.page_next}
            onClick={() => set_page(shown.page + 1)}
          >
            Next
          </button>
        </nav>
      )}
      {making && (
        <NewUser
          can_invite={can_link}
          on_made={(u) => {
            users.change((all) => [...all, u]);
            toasts.info(`${u.email} is added`);
          }}
          on_close={() => set_making(false)}
        />
      )}
      {one !== undefined && deleting === null && (
        <EditUser
          key={one.id}
          user={one}
          is_self={one.id === self?.id}
          can_link={can_link}
          on_changed={(u) =>
            users.change((all) => all.map((x) => (x.id === u.id ? { ...x, ...u } : x)))
          }
          on_delete={() => set_deleting(one)}
          on_close={() => set_edited(null)}
        />
      )}
      {deleting !== null && (
        <DeleteUser
          user={deleting}
          on_deleted={() => {
            users.change((all) => all.filter((x) => x.id !== deleting.id));
            toasts.info(`${deleting.email} is deleted`);
            set_deleting(null);
            set_edited(null);
          }}
          on_close={() => set_deleting(null)}
        />
      )}
    </>
  );
}

export function Users() {
  return (
    <AdminFrame title="Users">
      <UserList />
    </AdminFrame>
  );
}
