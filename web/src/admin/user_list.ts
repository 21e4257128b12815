// Finding one among many users, a page at a time. Pure.
import type { managed_user, user_change } from "../api/types";

export const page_size = 25;

export type state_filter = "all" | "active" | "disabled" | "admins";

export function found_users(
  users: managed_user[],
  search: string,
  filter: state_filter,
): managed_user[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return users
    .filter((u) => {
      if (filter === "disabled" && !u.disabled) return false;
      if (filter === "active" && u.disabled) return false;
      if (filter === "admins" && u.role !== "admin") return false;
      const text = `${u.email} ${u.display_name}`.toLowerCase();
      return words.every((w) => text.includes(w));
    })
    .sort((a, b) => a.email.localeCompare(b.email));
}

export interface page_of<T> {
  items: T[];
  /** From 0; always one that exists. */
  page: number;
  pages: number;
  /** "26–50 of 80" */
  words: string;
}

export function page_at<T>(all: T[], wanted: number, size = page_size): page_of<T> {
  const pages = Math.max(1, Math.ceil(all.length / size));
  const page = Math.min(Math.max(0, wanted), pages - 1);
  const items = all.slice(page * size, (page + 1) * size);
  const words =
    all.length <= size
      ? `${all.length} of ${all.length}`
      : `${page * size + 1}–${page * size + items.length} of ${all.length}`;
  return { items, page, pages, words };
}

export interface limits_form {
  display_name: string;
  role: managed_user["role"];
  max_images: string;
  max_storage_mb: string;
  max_concurrent_jobs: string;
  share_weight: string;
}

export function form_of(u: managed_user): limits_form {
  return {
    display_name: u.display_name,
    role: u.role,
    max_images: String(u.max_images),
    max_storage_mb: String(u.max_storage_mb),
    max_concurrent_jobs: String(u.max_concurrent_jobs),
    share_weight: String(u.share_weight),
  };
}

// The server's own bounds, so that a typing error is told beside the field.
const bounds = {
  max_images: [0, 1_000_000_000, true],
  max_storage_mb: [0, 1_000_000_000, true],
  max_concurrent_jobs: [1, 1000, true],
  share_weight: [0.001, 1000, false],
} as const;
export type number_field = keyof typeof bounds;

export function field_problem(name: number_field, text: string): string | null {
  const [low, high, whole] = bounds[name];
  const n = Number(text);
  if (text.trim() === "" || !Number.isFinite(n) || (whole && !Number.isInteger(n))) {
    return whole ? "A whole number, please" : "A number, please";
  }
  return n < low || n > high ? `From ${low} to ${high.toLocaleString("en")}` : null;
}

/** Only what differs is sent: another administrator may have changed the rest meanwhile. */
export function changes_of(u: managed_user, f: limits_form): user_change {
  const change: user_change = {};
  if (f.display_name.trim() !== "" && f.display_name.trim() !== u.display_name) {
    change.display_name = f.display_name.trim();
  }
  if (f.role !== u.role) change.role = f.role;
  for (const name of Object.keys(bounds) as number_field[]) {
    if (field_problem(name, f[name]) === null && Number(f[name]) !== u[name]) {
      change[name] = Number(f[name]);
    }
  }
  return change;
}
