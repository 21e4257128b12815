// One's own account in the browser: sessions, password, links, identities, the own queue. Steps
// whose routes the server lacks are named as skipped.
import { at, check, open_browser, until, watch_page } from "./browser.mjs";

/** A second browser, signed in as the same person. */
async function elsewhere(run, who) {
  const context = await open_browser();
  const page = await context.newPage();
  const problems = watch_page(page);
  await page.goto(`${run.base}/sign-in`);
  await at(page, "email").fill(who.email);
  await at(page, "password").fill(who.password);
  await at(page, "submit").click();
  await at(page, "sign-out").waitFor();
  return { context, page, problems };
}

/** An ended session shows with the next thing the page does, if not by itself before. */
async function is_signed_out(page) {
  await page.evaluate(() => document.querySelector('[data-testid="nav-history"]')?.click());
  await at(page, "sign-in-form").waitFor();
}

const rows = (page) => at(page, "session-row").count();

export async function account_pages(all) {
  const { page, run, step, step_with, shot, who } = all;
  await step("the tab says which page it is", async () => {
    await at(page, "nav-account").click();
    await until(async () => (await page.title()).startsWith("Account"), "not the account page");
    await at(page, "nav-jobs").click();
    await until(async () => (await page.title()).startsWith("Jobs"), "not the jobs page");
  });
  await step("a link to the content is the first thing the keyboard finds", async () => {
    await page.reload();
    await at(page, "nav-jobs").waitFor();
    await page.keyboard.press("Tab");
    check((await page.evaluate(() => document.activeElement.className)) === "skip", "not first");
    await page.keyboard.press("Enter");
    check((await page.evaluate(() => document.activeElement.id)) === "main", "focus is elsewhere");
  });
  await step("a failure names its request", async () => {
    await page.route("**/api/v1/auth/me", (route) =>
      route.request().method() === "PATCH"
        ? route.fulfill({
            status: 503,
            contentType: "application/json",
            body: '{"detail":"The database is away","code":"unavailable","request_id":"req-42"}',
          })
        : route.fallback(),
    );
    await at(page, "nav-account").click();
    await at(page, "display-name").fill("Somebody");
    await page.keyboard.press("Enter");
    const said = await at(page, "toast").filter({ hasText: "The database is away" }).textContent();
    check(said.includes("req-42"), `the toast says only ${said}`);
    await shot("40-account-error");
    await page.unroute("**/api/v1/auth/me");
    await at(page, "toast").filter({ hasText: "database" }).getByLabel("Close").click();
  });
  await step_with(
    ["GET /auth/sessions", "DELETE /auth/sessions/{id}", "DELETE /auth/sessions"],
    "sessions are listed, one is ended, then all others",
    async () => {
      const one = await elsewhere(run, who);
      const two = await elsewhere(run, who);
      await page.reload();
      // Earlier steps have left sessions of their own behind.
      await until(async () => (await rows(page)) >= 3, "the other sessions are not listed");
      const first = at(page, "session-row").first();
      check((await first.getAttribute("data-current")) === "true", "this session is not first");
      await shot("41-account-sessions");
      const before = await rows(page);
      await at(page, "session-revoke").nth(1).click();
      await at(page, "dialog-confirm").click();
      await until(async () => (await rows(page)) === before - 1, "the session is still listed");
      await at(page, "sessions-revoke-others").click();
      await at(page, "dialog-confirm").click();
      await until(async () => (await rows(page)) === 1, "other sessions are still listed");
      for (const other of [one, two]) {
        await is_signed_out(other.page);
        check(other.problems.length === 0, other.problems.join("; "));
        await other.context.close();
      }
    },
  );
  await step("a wrong current password is refused beside the field", async () => {
    await at(page, "password-current").fill("not the password");
    await at(page, "password-new").fill("another long password");
    await at(page, "password-save").click();
    await at(page, "password-form").getByRole("alert").waitFor();
  });
  await step_with(
    ["GET /auth/sessions"],
    "a changed password signs the others out, and this page stays signed in",
    async () => {
      const other = await elsewhere(run, who);
      const fresh = "a quite different password";
      await at(page, "password-current").fill(who.password);
      await at(page, "password-new").fill(fresh);
      await at(page, "password-save").click();
      await at(page, "toast").filter({ hasText: "Password changed" }).waitFor();
      who.password = fresh;
      // By itself: its live connection ends, and what it asks then is refused.
      await at(other.page, "sign-in-form").waitFor();
      await other.context.close();
      await page.reload();
      await at(page, "key-form").waitFor();
    },
  );
  await step("what the account page was told on the way back is said, then forgotten", async () => {
    await page.goto(`${run.base}/#/account?link_error=oidc_identity_taken`);
    await at(page, "toast").filter({ hasText: "linked to another account" }).waitFor();
    check(!page.url().includes("link_error"), `still at ${page.url()}`);
  });
  await step("why a sign-in elsewhere failed is told in words", async () => {
    const context = await open_browser();
    const other = await context.newPage();
    await other.goto(`${run.base}/#/sign-in?error=oidc_domain_not_allowed`);
    await at(other, "form-error").filter({ hasText: "not admitted" }).waitFor();
    await other.goto("about:blank");
    await other.goto(`${run.base}/#/sign-in?error=something_new`);
    await at(other, "form-error").filter({ hasText: "something_new" }).waitFor();
    await shot("42-sign-in-error", other);
    await context.close();
  });
  await step("a link that is not valid says so", async () => {
    const context = await open_browser();
    const other = await context.newPage();
    await other.goto(`${run.base}/#/invite?token=${"0".repeat(43)}`);
    await at(other, "link-invalid").waitFor();
    await shot("43-link-invalid", other);
    await context.close();
  });
  await step_with(
    ["GET /queue", "POST /queue/pause", "POST /queue/resume"],
    "the own queue is paused and resumed",
    async () => {
      await at(page, "nav-jobs").click();
      const box = (paused) =>
        page.locator(`[data-testid="own-queue"][data-paused="${paused}"]`).waitFor();
      await box(false);
      await at(page, "own-queue-switch").click();
      await box(true);
      await shot("44-jobs-paused");
      await at(page, "own-queue-switch").click();
      await box(false);
    },
  );
}
