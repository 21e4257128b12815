import { describe, expect, it } from "vitest";
import { error_from, is_absent } from "../api/client";
import { browser_words } from "../lib/browsers";
import { ago } from "../lib/format";
import { location_of } from "../lib/router";
import { sign_in_problem } from "../lib/sign_in_words";
import { issuer_words } from "../pages/account_identities";
import { sessions_in_order } from "../pages/account_sessions";
import { queue_sentence } from "../pages/own_queue";
import { provider_url } from "../pages/sign_in";

describe("links", () => {
  it("reads a page behind the #, so that its secret stays in the browser", () => {
    expect(location_of("/", "", "#/invite?token=a%2Bb")).toEqual({
      path: "/invite",
      search: "?token=a%2Bb",
    });
    expect(location_of("/", "?x=1", "#/sign-in?error=a?b")).toEqual({
      path: "/sign-in",
      search: "?error=a?b",
    });
    expect(location_of("/jobs", "?x=1", "#main")).toEqual({ path: "/jobs", search: "?x=1" });
    expect(location_of("/", "", "#/account")).toEqual({ path: "/account", search: "" });
  });
  it("takes the wanted page along to the provider and back", () => {
    expect(provider_url("/api/v1/auth/oidc/login", "/jobs?a=1")).toBe(
      "/api/v1/auth/oidc/login?return_to=%2F%23%2Fjobs%3Fa%3D1",
    );
    expect(provider_url("/login?p=1", "/")).toBe("/login?p=1&return_to=%2F%23%2F");
  });
});

describe("errors", () => {
  it("keeps the request's id from the body, or else from the header", () => {
    const text = '{"detail":"No","code":"x","request_id":"in-body"}';
    expect(error_from(500, text, null, "in-header").request_id).toBe("in-body");
    expect(error_from(502, "<html>", null, "in-header").request_id).toBe("in-header");
    expect(error_from(502, "<html>", null).request_id).toBeNull();
  });
  it("tells a route that is not there from one that fails", () => {
    expect(is_absent(error_from(404, "", null))).toBe(true);
    expect(is_absent(error_from(405, "", null))).toBe(true);
    expect(is_absent(error_from(503, "", null))).toBe(false);
    expect(is_absent(new Error("404"))).toBe(false);
  });
  it("has a sentence for every failed sign-in, and repeats no foreign words", () => {
    expect(sign_in_problem("oidc_cancelled")).toMatch(/cancelled/);
    expect(sign_in_problem("oidc_token_signature")).toMatch(/verified.*\(oidc_token_signature\)/);
    expect(sign_in_problem("brand_new")).toContain("brand_new");
    expect(sign_in_problem("Call +1 555 now")).not.toContain("555");
    expect(sign_in_problem("constructor")).toMatch(/did not work/);
  });
});

describe("words", () => {
  const now = Date.parse("2026-03-10T12:00:00Z");
  it("tells times from now", () => {
    const before = (s: number) => ago(new Date(now - s * 1000).toISOString(), now);
    expect(before(10)).toBe("just now");
    expect(before(-0.5)).toBe("just now");
    expect(before(120)).toBe("2 min ago");
    expect(before(3590)).toBe("1 h ago");
    expect(before(86_400)).toBe("1 day ago");
    expect(before(5 * 86_400)).toBe("5 days ago");
    expect(before(365 * 86_400)).toBe("12 months ago");
    expect(before(-7 * 86_400)).toBe("in 7 days");
    expect(ago("nonsense", now)).toBe("–");
    expect(ago(null, now)).toBe("–");
  });
  it("names browsers and systems", () => {
    const chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36";
    expect(browser_words(chrome)).toBe("Chrome on Linux");
    expect(browser_words(`${chrome} Edg/120.0`)).toBe("Edge on Linux");
    expect(
      browser_words("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Safari/604.1"),
    ).toBe("Safari on iPhone");
    expect(browser_words("Mozilla/5.0 (Windows NT 10.0; rv:120.0) Gecko/20100101 Firefox/120.0")).toBe(
      "Firefox on Windows",
    );
    expect(browser_words("curl/8.1.0")).toBe("curl");
    expect(browser_words(" ")).toBe("Unknown program");
  });
  it("puts this session first, then the last seen", () => {
    const entry = (id: string, last_seen_at: string, current = false) => ({
      id,
      created_at: "2026-01-01T00:00:00Z",
      last_seen_at,
      expires_at: "2026-02-01T00:00:00Z",
      address: "",
      user_agent: "",
      current,
    });
    const list = [
      entry("first", "2026-01-01T00:00:00Z"),
      entry("late", "2026-01-09T00:00:00Z"),
      entry("mine", "2026-01-02T00:00:00Z", true),
    ];
    expect(sessions_in_order(list).map((s) => s.id)).toEqual(["mine", "late", "first"]);
  });
  it("names issuers and queues", () => {
    expect(issuer_words("https://login.example.org/v2.0")).toBe("login.example.org");
    expect(issuer_words("not an address")).toBe("not an address");
    const queue = { paused: false, queued_jobs: 0, running_jobs: 0, waiting_images: 0 };
    expect(queue_sentence(queue)).toBe("Nothing waits");
    expect(queue_sentence({ ...queue, paused: true, queued_jobs: 2, waiting_images: 1 })).toBe(
      "Paused: 2 jobs waiting, 1 image to go",
    );
  });
});
