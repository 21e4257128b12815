// A telephone's width, and the server away: nothing is cut off, and no control lies under anything.
import {
  accessible,
  at,
  check,
  delete_aside,
  fill_in,
  fits_width,
  on_screen,
  photo_file,
  until,
} from "./browser.mjs";

const telephone = { width: 390, height: 844 };
const usual = { width: 1280, height: 820 };
const long_address = `${"a".repeat(60)}@a-department-with-a-long-name.example.org`;

/** Whether they are in one line, whatever their heights. */
async function in_one_line(locators) {
  const boxes = await Promise.all(locators.map((l) => l.boundingBox()));
  const middles = boxes.map((b) => b.y + b.height / 2);
  return Math.max(...middles) - Math.min(...middles) < 6;
}

/** Of the controls that can be used, those that still lie under it once they are scrolled to. */
function covered_by(page, id) {
  return at(page, id).evaluate((cover) => {
    const over = (r, s) =>
      r.left < s.right && s.left < r.right && r.top < s.bottom && s.top < r.bottom;
    const seen = (e) => e.checkVisibility() && e.getBoundingClientRect().width > 2;
    const names = [];
    for (const e of document.querySelectorAll("a, button, input, select, summary")) {
      if (!seen(e) || e.className === "skip") continue;
      e.scrollIntoView({ block: "nearest", inline: "nearest" });
      if (over(e.getBoundingClientRect(), cover.getBoundingClientRect())) {
        names.push(e.getAttribute("aria-label") ?? e.textContent);
      }
    }
    window.scrollTo(0, 0);
    return names;
  });
}

async function covers_nothing(page, where) {
  // It comes into sight a little later.
  await at(page, "offline").evaluate((e) => Promise.all(e.getAnimations().map((a) => a.finished)));
  const names = await covered_by(page, "offline");
  check(names.length === 0, `${where}: the note covers ${names.join(", ")}`);
}

async function telephone_steps({ page, run, step, shot }) {
  await step("on a telephone, name, search and upload share a line, and so do mode and order", async () => {
    await page.setViewportSize(telephone);
    await at(page, "nav-gallery").click();
    await at(page, "gallery-item").first().waitFor();
    const upload = page.getByRole("button", { name: "Upload images" });
    const head = page.getByRole("heading", { level: 1 });
    check(await in_one_line([head, at(page, "search"), upload]), "the head is broken");
    check(await in_one_line([at(page, "mode-point"), at(page, "order")]), "the tools are broken");
    await fits_width(page, "the gallery");
    await shot("60-gallery-telephone");
    await at(page, "gallery-select").first().check();
    const tools = ["process-all", "export-menu", "process-selected"].map((id) => at(page, id));
    check(await in_one_line(tools), "what can be done with the picked ones is broken");
    await fits_width(page, "the gallery with picked images");
    await shot("60b-gallery-telephone-picked");
    await page.getByRole("button", { name: "Clear selection" }).click();
  });
  await step("and the question about known files stays in its card", async () => {
    const two = run.photos.slice(0, 2).map((p) => photo_file(p));
    await at(page, "upload-input").setInputFiles(two);
    await at(page, "uploads-known").waitFor();
    await shot("61-known-telephone");
    const card = await at(page, "uploads").boundingBox();
    for (const id of ["uploads-skip", "uploads-want"]) {
      const b = await at(page, id).boundingBox();
      check(b.x + b.width <= card.x + card.width - 8, `${id} reaches out of the card`);
    }
    await at(page, "uploads-skip").click();
    await at(page, "uploads-known").waitFor({ state: "detached" });
  });
  await step("a long address makes no administrator's page too wide", async () => {
    await page.evaluate(async (email) => {
      const { csrf_token } = await (await fetch("/api/v1/auth/me")).json();
      const headers = { "X-CSRF-Token": csrf_token, "Content-Type": "application/json" };
      const body = JSON.stringify({ email, password: "a long enough password" });
      const answer = await fetch("/api/v1/admin/users", { method: "POST", headers, body });
      if (!answer.ok) throw new Error(await answer.text());
    }, long_address);
    for (const path of ["users", "queue", "devices", "audit"]) {
      await page.goto(`${run.base}/${path}`);
      await page.getByRole("heading", { name: "Administration" }).waitFor();
      if (path === "audit") {
        const option = page.getByRole("option", { name: long_address });
        await option.waitFor({ state: "attached" });
      }
      await fits_width(page, `/${path}`);
      await page.setViewportSize({ ...telephone, width: 320 });
      await fits_width(page, `/${path} of a small telephone`);
      await page.setViewportSize(telephone);
    }
    await shot("62-audit-telephone");
    await page.setViewportSize(usual);
  });
}

/** Fingers are told from pointers by the browser itself, so this needs one of its own. */
async function touch_steps({ context, run, step, shot, who }) {
  await step("with fingers on a telephone, all tools of a mode are in sight", async () => {
    const hand = { viewport: telephone, isMobile: true, hasTouch: true };
    const own = await context.browser().newContext(hand);
    const page = await own.newPage();
    await page.goto(`${run.base}/sign-in`);
    await fill_in(page, "sign-in-form", who);
    await at(page, "submit").tap();
    await at(page, "gallery-item").first().getByRole("link").tap();
    await on_screen(page, 0.5, 0.5);
    for (const mode of ["inside_box", "find_all", "point"]) {
      await at(page, `mode-${mode}`).tap();
      await page.locator(`[data-testid="mode-${mode}"][aria-pressed="true"]`).waitFor();
      await shot(`60c-tools-${mode}`, page);
      const hidden = await page.evaluate(() =>
        [...document.querySelectorAll("button.tool")]
          .filter((e) => e.getBoundingClientRect().right > innerWidth)
          .map((e) => e.textContent),
      );
      check(hidden.length === 0, `${mode}: ${hidden.join(", ")} out of sight`);
    }
    await own.close();
  });
}

async function away_steps({ page, context, run, step, shot }) {
  await step("a network that is gone is noticed although the socket says nothing", async () => {
    await at(page, "nav-gallery").click();
    await at(page, "gallery-item").first().waitFor();
    await page.locator('[data-testid="live-indicator"][data-status="live"]').waitFor();
    await context.setOffline(true);
    await page.locator('[data-testid="live-indicator"][data-status="offline"]').waitFor();
  });
  await step("the note about it covers no control, on no page, at no width", async () => {
    for (const size of [usual, { width: 1024, height: 768 }, telephone]) {
      await page.setViewportSize(size);
      await covers_nothing(page, `the gallery at ${size.width}`);
      await shot(`63-away-gallery-${size.width}`);
    }
    await page.setViewportSize(usual);
    await context.setOffline(false);
    await at(page, "offline").waitFor({ state: "detached" });
    await at(page, "gallery-item").first().getByRole("link").click();
    await on_screen(page, 0.5, 0.5);
    await context.setOffline(true);
    await at(page, "offline").waitFor();
    const scale = await at(page, "canvas").getAttribute("data-scale");
    for (const size of [usual, { width: 1024, height: 700 }, telephone]) {
      await page.setViewportSize(size);
      await covers_nothing(page, `an image at ${size.width}`);
      await shot(`64-away-image-${size.width}`);
    }
    await page.setViewportSize(usual);
    await context.setOffline(false);
    await at(page, "offline").waitFor({ state: "detached" });
    await until(
      async () => (await at(page, "canvas").getAttribute("data-scale")) === scale,
      "the note changed the picture's place",
    );
    await at(page, "nav-gallery").click();
    await at(page, "gallery-item").first().waitFor();
  });
}

async function named_steps({ page, run, step }) {
  await step("every control has a name and is large enough, every page one main part", async () => {
    for (const path of ["", "jobs", "history", "account", "users", "devices", "audit"]) {
      await page.goto(`${run.base}/${path}`);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.waitForLoadState("networkidle");
      await accessible(page, `/${path}`);
    }
    await at(page, "nav-gallery").click();
    await at(page, "gallery-item").first().getByRole("link").click();
    await on_screen(page, 0.5, 0.5);
    await accessible(page, "an image");
    await at(page, "nav-gallery").click();
    await at(page, "gallery-item").first().waitFor();
  });
  await step("an upload that went well is not told of for ever", async () => {
    await at(page, "upload-input").setInputFiles([photo_file(run.photos[0], { mark: 7 })]);
    await at(page, "uploads").filter({ hasText: "1 image uploaded" }).waitFor();
    const id = await at(page, "gallery-item").first().getAttribute("data-image-id");
    await at(page, "nav-jobs").click();
    await at(page, "jobs-filter").waitFor();
    await at(page, "nav-gallery").click();
    await page.locator(`[data-image-id="${id}"]`).waitFor();
    check((await at(page, "uploads").count()) === 0, "it is still told of");
    await delete_aside(page, id);
    await page.locator(`[data-image-id="${id}"]`).waitFor({ state: "detached" });
  });
}

export async function narrow_steps(everything) {
  await named_steps(everything);
  await telephone_steps(everything);
  await touch_steps(everything);
  await away_steps(everything);
}
