// The pages of the audit log read so far: a pure fold.
import type { audit_entry, audit_page } from "../api/types";

export interface audit_state {
  /** null before the first page has come. */
  entries: audit_entry[] | null;
  total: number;
  next: string | null;
  busy: boolean;
}

export const no_audit: audit_state = { entries: null, total: 0, next: null, busy: false };

export type audit_change =
  /** again: from the newest on, perhaps with other filters. */
  | { kind: "asked"; again: boolean }
  | { kind: "listed"; page: audit_page; again: boolean }
  | { kind: "failed" };

export function reduce_audit(s: audit_state, a: audit_change): audit_state {
  switch (a.kind) {
    case "asked":
      // What is there stays until the answer comes: nothing jumps.
      return { ...s, busy: true };
    case "failed":
      return { ...s, busy: false };
    case "listed": {
      const before = a.again ? [] : (s.entries ?? []);
      // An entry written between two pages must not appear twice.
      const known = new Set(before.map((e) => e.id));
      const entries = [...before, ...a.page.entries.filter((e) => !known.has(e.id))];
      return { entries, total: a.page.total, next: a.page.next_cursor, busy: false };
    }
  }
}
