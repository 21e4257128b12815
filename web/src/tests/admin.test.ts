import { describe, expect, it } from "vitest";
import { no_audit, reduce_audit } from "../admin/audit_list";
import {
  action_name,
  action_names,
  audit_detail,
  audit_sentence,
  change_words,
} from "../admin/audit_words";
import { device_state } from "../admin/devices";
import { changes_of, field_problem, form_of, found_users, page_at } from "../admin/user_list";
import type { audit_action, audit_entry, managed_user } from "../api/types";

function a_user(change: Partial<managed_user> = {}): managed_user {
  return {
    id: "u1",
    email: "ada@example.org",
    display_name: "Ada Lovelace",
    role: "user",
    max_concurrent_jobs: 1,
    max_images: 1000,
    max_storage_mb: 5000,
    image_count: 0,
    storage_bytes: 0,
    running_jobs: 0,
    share_weight: 1,
    created_at: "2026-01-01T00:00:00Z",
    disabled: false,
    disabled_at: null,
    ...change,
  };
}
function an_entry(change: Partial<audit_entry> = {}): audit_entry {
  return {
    id: 1,
    at: "2026-01-01T00:00:00Z",
    actor_id: "u1",
    actor_email: "ada@example.org",
    action: "sign_in",
    subject_id: "u2",
    subject: "bob@example.org",
    address: null,
    detail: {},
    ...change,
  };
}

describe("users", () => {
  const users = [
    a_user({ id: "2", email: "zed@example.org", display_name: "", disabled: true }),
    a_user({ id: "1" }),
    a_user({ id: "3", email: "bob@lab.org", display_name: "Bob", role: "admin" }),
  ];
  it("are found by every word of email and name", () => {
    expect(found_users(users, "", "all").map((u) => u.id)).toEqual(["1", "3", "2"]);
    expect(found_users(users, "LOVE ada", "all").map((u) => u.id)).toEqual(["1"]);
    expect(found_users(users, "example", "disabled").map((u) => u.id)).toEqual(["2"]);
    expect(found_users(users, "", "admins").map((u) => u.id)).toEqual(["3"]);
    expect(found_users(users, "ada bob", "all")).toEqual([]);
  });
  it("come in pages, and a page that is gone becomes the last one", () => {
    const all = Array.from({ length: 60 }, (_, i) => i);
    expect(page_at(all, 1)).toMatchObject({ page: 1, pages: 3, words: "26–50 of 60" });
    expect(page_at(all, 9)).toMatchObject({ page: 2, words: "51–60 of 60" });
    expect(page_at(all, 9).items).toHaveLength(10);
    expect(page_at([], 3)).toMatchObject({ page: 0, pages: 1, words: "0 of 0" });
  });
  it("send only what was changed, and only what is right", () => {
    const u = a_user();
    expect(changes_of(u, form_of(u))).toEqual({});
    const form = { ...form_of(u), max_images: "7", share_weight: "0.5", display_name: "  " };
    expect(changes_of(u, form)).toEqual({ max_images: 7, share_weight: 0.5 });
    expect(changes_of(u, { ...form_of(u), max_images: "1.5", role: "admin" })).toEqual({
      role: "admin",
    });
  });
  it("have limits within the server's bounds", () => {
    expect(field_problem("max_images", "0")).toBeNull();
    expect(field_problem("max_images", "")).toMatch(/whole number/);
    expect(field_problem("max_images", "1e2")).toBeNull();
    expect(field_problem("max_concurrent_jobs", "0")).toMatch(/From 1/);
    expect(field_problem("share_weight", "0.5")).toBeNull();
    expect(field_problem("share_weight", "0")).toMatch(/From 0.001/);
  });
});

describe("audit log", () => {
  it("has a sentence for every action", () => {
    for (const action of Object.keys(action_names) as audit_action[]) {
      const sentence = audit_sentence(an_entry({ action }));
      expect(sentence).toMatch(/^(ada@example\.org|A sign-in as bob@example\.org) /);
      expect(sentence).not.toMatch(/undefined|null|_/);
    }
  });
  it("speaks of oneself and of others", () => {
    expect(audit_sentence(an_entry({ action: "password_changed" }))).toBe(
      "ada@example.org changed the password of bob@example.org",
    );
    expect(
      audit_sentence(an_entry({ action: "password_changed", subject_id: "u1", subject: null })),
    ).toBe("ada@example.org changed their own password");
    expect(
      audit_sentence(an_entry({ action: "sign_in_failed", actor_email: null, actor_id: null })),
    ).toBe("A sign-in as bob@example.org failed");
    expect(audit_sentence(an_entry({ action: "link_issued", detail: { kind: "reset" } }))).toBe(
      "ada@example.org issued a password-reset link for bob@example.org",
    );
  });
  it("says who acted when nobody was signed in", () => {
    const nobody = { actor_email: null, actor_id: null };
    expect(audit_sentence(an_entry({ ...nobody, action: "user_created" }))).toBe(
      "The command line created the account bob@example.org",
    );
    expect(
      audit_sentence(an_entry({ ...nobody, action: "user_created", address: "10.0.0.1" })),
    ).toBe("bob@example.org registered");
    const replay = an_entry({
      ...nobody,
      action: "session_revoked",
      subject: null,
      detail: { reason: "a replaced token was used again" },
    });
    expect(audit_sentence(replay)).toBe("The server ended a session");
    expect(audit_detail(replay)).toBe("reason a replaced token was used again");
  });
  it("names what administrators read, not the route", () => {
    const read = (subject: string) =>
      audit_sentence(an_entry({ action: "admin_read", subject_id: null, subject }));
    expect(read("/api/v1/admin/users")).toBe("ada@example.org looked at the list of users");
    expect(read("/api/v1/admin/new_thing")).toContain("/api/v1/admin/new_thing");
    expect(read("/api/v1/admin/constructor")).not.toContain("function");
  });
  it("reads well with actions and details of a newer server", () => {
    const e = an_entry({ action: "moon_landed" as audit_action, detail: { crew: ["a", "b"], deep: { x: 1 } } });
    expect(action_name(e.action)).toBe("Moon landed");
    expect(action_name("constructor")).toBe("Constructor");
    expect(audit_sentence(e)).toBe("ada@example.org: moon landed (bob@example.org)");
    expect(audit_detail(e)).toBe("crew: a, b, x 1");
  });
  it("tells changes whichever way they come", () => {
    expect(change_words({ max_images: { from: 10, to: 20 }, role: "admin", note: null })).toBe(
      "max images 10 → 20, role admin",
    );
    expect(change_words({ changes: { disabled: { from: false, to: true } } })).toBe(
      "disabled no → yes",
    );
    expect(change_words({})).toBe("");
  });
  it("joins pages without telling an entry twice, and starts again with other filters", () => {
    const page = (...numbers: number[]) => ({
      entries: numbers.map((id) => an_entry({ id })),
      total: 4,
      next_cursor: "c",
    });
    let s = reduce_audit(no_audit, { kind: "listed", page: page(4, 3), again: true });
    s = reduce_audit(s, { kind: "asked", again: false });
    expect(s.busy).toBe(true);
    s = reduce_audit(s, { kind: "listed", page: page(3, 2), again: false });
    expect(s.entries!.map((e) => e.id)).toEqual([4, 3, 2]);
    s = reduce_audit(s, { kind: "failed" });
    expect(s.entries).toHaveLength(3);
    s = reduce_audit(s, { kind: "listed", page: page(9), again: true });
    expect(s.entries!.map((e) => e.id)).toEqual([9]);
  });
});

describe("devices", () => {
  it("say what they are at", () => {
    const d = {
      id: "cpu:0",
      model: "m",
      healthy: true,
      draining: false,
      units_done: 0,
      busy_seconds: 0,
      busy_fraction: 0,
      leases_out: 0,
    };
    expect(device_state(d).words).toBe("ready");
    expect(device_state({ ...d, leases_out: 1 }).words).toBe("working");
    expect(device_state({ ...d, leases_out: 1, draining: true }).words).toBe("finishing its work");
    expect(device_state({ ...d, draining: true }).words).toBe("out of use");
    expect(device_state({ ...d, healthy: false, draining: true }).words).toBe("not healthy");
  });
});
