// The second half of the main job: jobs, history, account, other looks, and life without a socket.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  at,
  check,
  drag,
  keep,
  on_screen,
  painted,
  result_shown,
  until,
  watch_page,
} from "./browser.mjs";

export async function look_around({ page, run, step, shot, who }) {
  await step("the jobs page is live and shows a job's images", async () => {
    await at(page, "nav-jobs").click();
    await page.locator('[data-testid="live-indicator"][data-status="live"]').waitFor();
    await until(async () => (await at(page, "job-row").count()) >= 4, "not all jobs are listed");
    const newest = at(page, "job-row").first();
    await newest.getByRole("button", { expanded: false }).click();
    const images = newest.getByTestId("job-image");
    await until(
      async () => (await images.count()) === run.photos.length - 1,
      "Process all took other images than the changed ones",
    );
    await until(
      async () =>
        (await newest.getByTestId("job-status").getAttribute("data-status")) === "completed",
      "the job did not complete by itself",
    );
    await until(
      async () =>
        (await newest.locator('[data-testid="job-image"][data-state="completed"]').count()) ===
        run.photos.length - 1,
      "the images' states did not follow",
    );
    await shot("09-jobs");
    await at(page, "jobs-filter").selectOption("cancelled");
    await page.getByText("No job is cancelled").waitFor();
    await page.getByRole("link", { name: "Show all jobs" }).click();
    await newest.waitFor();
    check((await at(page, "jobs-filter").inputValue()) === "", "the filter says something else");
  });
  await step("Process all says so when nothing is left to do", async () => {
    await at(page, "nav-gallery").click();
    await at(page, "process-all").click();
    await at(page, "toast").filter({ hasText: "No images need processing" }).waitFor();
    await until(
      async () => (await at(page, "processed-badge").count()) === run.photos.length,
      "an image lacks its badge",
    );
    await shot("10-gallery-processed");
  });
  await step("all results are exported as one COCO file", async () => {
    await at(page, "export-menu").locator("summary").click();
    const count = await at(page, "export-count").textContent();
    check(count.startsWith(`${run.photos.length} images with a result`), `the menu says ${count}`);
    await shot("10b-export-menu");
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      at(page, "export-coco").click(),
    ]);
    const path = join(run.out, "dataset.json");
    await download.saveAs(path);
    const coco = JSON.parse(readFileSync(path, "utf8"));
    check(coco.images.length === run.photos.length, `${coco.images.length} images in the file`);
    check(coco.annotations.length >= run.photos.length, "masks are missing in the file");
  });
  await step("the history shows results with their masks", async () => {
    await at(page, "nav-history").click();
    await until(async () => (await at(page, "history-item").count()) >= 5, "results are missing");
    await shot("11-history");
    const all = await at(page, "history-item").count();
    await at(page, "history-filter").selectOption("point");
    await until(async () => (await at(page, "history-item").count()) === 1, "not the one of points");
    await at(page, "history-filter").selectOption("");
    check((await at(page, "history-item").count()) === all, "not all results come back");
    await at(page, "history-item").first().click();
    await at(page, "history-view").waitFor();
    check((await until(() => painted(page), "no mask is painted")) > 20, "too few pixels");
    await at(page, "opacity").fill("80");
    await shot("12-history-view");
    await page.keyboard.press("Escape");
  });
  await step("an API key is made, shown once, and revoked", async () => {
    await at(page, "nav-account").click();
    check((await at(page, "quota").count()) === 3, "the quotas are not shown");
    await at(page, "key-name").fill("browser test");
    await at(page, "key-create").click();
    check((await at(page, "key-secret").inputValue()).length > 10, "the secret is not shown");
    await shot("13-account");
    await at(page, "key-revoke").first().click();
    await at(page, "dialog-confirm").click();
    await until(async () => (await at(page, "key-row").count()) === 0, "the key is still listed");
    check(
      (await at(page, "key-secret").count()) === 0,
      "the secret of a revoked key is still shown",
    );
  });
  await step("the administrator sees the users", async () => {
    await at(page, "nav-users").click();
    await until(async () => (await at(page, "user-row").count()) >= 1, "no user is listed");
    await shot("14-users");
  });
  await step("it works in the dark and on a small screen", async () => {
    await page.emulateMedia({ colorScheme: "dark" });
    await at(page, "nav-gallery").click();
    await at(page, "gallery-item").first().waitFor();
    await shot("15-gallery-dark");
    await at(page, "gallery-item").last().getByRole("link").click();
    await on_screen(page, 0.5, 0.5);
    await until(() => painted(page), "the mask is not painted");
    await shot("16-annotate-dark");
    await page.setViewportSize({ width: 390, height: 780 });
    await shot("17-annotate-small");
    await at(page, "nav-gallery").click();
    await shot("18-gallery-small");
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(wide <= 0, `the page is ${wide} px too wide for a telephone`);
    await page.setViewportSize({ width: 1280, height: 820 });
    await page.emulateMedia({ colorScheme: "light" });
  });
  await step("picked images can be processed together", async () => {
    await at(page, "gallery-select").first().check();
    await at(page, "gallery-select").nth(1).check();
    check((await at(page, "process-selected").textContent()).includes("(2)"), "two are picked");
    await at(page, "mode-point").click();
    await at(page, "process-selected").click();
    await at(page, "toast").filter({ hasText: "No images need processing" }).waitFor();
    await at(page, "gallery-select").first().uncheck();
    await at(page, "gallery-select").nth(1).uncheck();
  });
  await step("an ended session leads to the sign-in page and back again", async () => {
    await page.context().clearCookies();
    await at(page, "nav-history").click();
    await at(page, "email").fill(who.email);
    await at(page, "password").fill(who.password);
    await at(page, "submit").click();
    await at(page, "history-item").first().waitFor();
    check(page.url().endsWith("/history"), `at ${page.url()} instead of /history`);
    await at(page, "nav-gallery").click();
    await at(page, "gallery-item").first().waitFor();
  });
  await step("an image is deleted after a question", async () => {
    const before = await at(page, "gallery-item").count();
    await at(page, "gallery-item").last().hover();
    await at(page, "gallery-delete").last().click();
    await shot("19-delete");
    await at(page, "dialog-confirm").click();
    await until(
      async () => (await at(page, "gallery-item").count()) === before - 1,
      "the image is still there",
    );
    await at(page, "mode-inside_box").click();
    await at(page, "export-menu").locator("summary").click();
    const count = await at(page, "export-count").textContent();
    check(count.startsWith(`${before - 1} images with a result`), `the menu says ${count}`);
    await page.keyboard.press("Escape");
    await at(page, "mode-point").click();
  });
}

/** A page whose WebSocket never opens: it must say so, and still see everything. */
export async function polling_fallback({ context, run, step, shot }) {
  const page = await context.newPage();
  const problems = watch_page(page);
  await page.addInitScript(() => {
    window.WebSocket = class {
      constructor() {
        setTimeout(() => {
          this.onerror?.(new Event("error"));
          this.onclose?.(new CloseEvent("close"));
        }, 20);
      }
      close() {}
      send() {}
    };
  });
  await step("without a socket the page says that it polls", async () => {
    await page.goto(`${run.base}/jobs`);
    await page.locator('[data-testid="live-indicator"][data-status="polling"]').waitFor();
    check(
      (await at(page, "live-indicator").textContent()).includes("polling every 2 s"),
      "not in words",
    );
    await shot("20-jobs-polling", page);
  });
  await step("and a job's result still appears by itself", async () => {
    await at(page, "nav-gallery").click();
    await at(page, "gallery-item").last().getByRole("link").click();
    await on_screen(page, 0.5, 0.5);
    await until(async () => (await at(page, "prompt-item").count()) === 1, "the box is missing");
    await until(() => result_shown(page), "the earlier result is missing");
    const before = await result_shown(page);
    await page.keyboard.press("Escape");
    await drag(page, [0.05, 0.05], [0.4, 0.5]);
    await keep(page);
    await until(
      async () => (await at(page, "prompt-item").count()) === 2,
      "the second box is missing",
    );
    await at(page, "process").click();
    await until(async () => (await result_shown(page)) !== before, "the new result never appeared");
    await until(() => painted(page), "no mask is painted");
    await shot("21-annotate-polling", page);
  });
  await step("a server that is away is called offline, and found again", async () => {
    await context.setOffline(true);
    await page.locator('[data-testid="live-indicator"][data-status="offline"]').waitFor();
    await at(page, "offline").waitFor();
    await shot("22-offline", page);
    await context.setOffline(false);
    await page.locator('[data-testid="live-indicator"][data-status="polling"]').waitFor();
    await at(page, "offline").waitFor({ state: "detached" });
    check(problems.length === 0, problems.join("; "));
  });
  await step("what could not be read meanwhile is not called empty, and comes by itself", async () => {
    await context.setOffline(true);
    await at(page, "offline").waitFor();
    for (const [nav, empty, item] of [
      ["nav-gallery", "gallery-empty", "gallery-item"],
      ["nav-history", "history-empty", "history-item"],
    ]) {
      await at(page, nav).click();
      await at(page, "read-again").waitFor();
      check((await at(page, empty).count()) === 0, `${nav}: what is not known is called empty`);
      await context.setOffline(false);
      await at(page, item).first().waitFor();
      await context.setOffline(true);
      await at(page, "offline").waitFor();
    }
    await shot("22b-offline-history", page);
    await context.setOffline(false);
    await at(page, "offline").waitFor({ state: "detached" });
  });
  await step("a part of the program that cannot be fetched is said, and fetched later", async () => {
    // As if nobody had opened an administrator's page in this browser yet.
    const part = "**/assets/administration-*.js";
    await page.route(part, (r) => r.abort());
    await context.setOffline(true);
    await at(page, "offline").waitFor();
    await at(page, "nav-users").click();
    await at(page, "broken-page").waitFor();
    await shot("22c-broken-page", page);
    await page.unroute(part);
    await context.setOffline(false);
    await at(page, "user-row").first().waitFor();
    await at(page, "nav-gallery").click();
    await at(page, "gallery-item").first().waitFor();
  });
  await page.close();
}
