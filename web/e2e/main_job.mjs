// The whole job in a real browser, from the set-up link to the COCO file. See browser.mjs for what
// it needs; a screenshot of every page is left in --out.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  accessible,
  at,
  check,
  drag,
  fill_in,
  keep,
  on_screen,
  open_browser,
  painted,
  process_and_see,
  read_arguments,
  routes_of,
  step_counter,
  stopped,
  until,
  watch_page,
} from "./browser.mjs";
import { account_pages } from "./account_pages.mjs";
import { admin_pages } from "./admin_pages.mjs";
import { again_steps } from "./again.mjs";
import { hand_steps } from "./hands.mjs";
import { keyboard_steps } from "./keyboard.mjs";
import { many_steps } from "./many.mjs";
import { look_around, polling_fallback } from "./more_pages.mjs";
import { narrow_steps } from "./narrow.mjs";
import { preview_steps } from "./preview.mjs";
import { upload_steps } from "./uploads.mjs";

const run = read_arguments();
const who = { email: "admin@example.org", password: "a long enough password" };
const count = new step_counter();
const step = (name, action) => count.step(name, action);
const context = await open_browser();
const page = await context.newPage();
const problems = watch_page(page);
const shot = (name, of = page) => of.screenshot({ path: join(run.out, `${name}.png`) });

async function sign_in_steps() {
  await step("the set-up link creates the first administrator", async () => {
    await page.goto(run.setup);
    await fill_in(page, "setup-form", who);
    await shot("01-setup");
    await at(page, "submit").click();
    await at(page, "gallery-empty").waitFor();
    await shot("02-empty-gallery");
  });
  await step("signing out leads to the sign-in page, back to where one wanted to go", async () => {
    await at(page, "sign-out").click();
    await at(page, "sign-in-form").waitFor();
    await until(() => page.url() === `${run.base}/sign-in`, "whoever is next is led elsewhere");
    await page.goto(`${run.base}/account`);
    await at(page, "sign-in-form").waitFor();
  });
  await step("a wrong password is refused in words", async () => {
    await fill_in(page, "sign-in-form", who);
    await at(page, "password").fill("not the password");
    await at(page, "submit").click();
    check((await at(page, "form-error").textContent()).length > 5, "no sentence is shown");
    await accessible(page, "signing in");
    await shot("03-sign-in");
  });
  await step("the right one signs in and comes back", async () => {
    await fill_in(page, "sign-in-form", who);
    await at(page, "submit").click();
    await at(page, "key-form").waitFor();
    check(page.url().endsWith("/account"), `at ${page.url()} instead of /account`);
  });
  await step("a reloaded page is still signed in, and live", async () => {
    await page.reload();
    await at(page, "key-form").waitFor();
    await page.locator('[data-testid="live-indicator"][data-status="live"]').waitFor();
  });
}

async function box_steps() {
  await step("an image opens", async () => {
    await at(page, "gallery-item").first().getByRole("link").click();
    await on_screen(page, 0.5, 0.5);
    check(await at(page, "process").isDisabled(), "Process can be pressed without a prompt");
  });
  await step("a box is drawn by mouse, moved, and stays after a reload", async () => {
    await drag(page, [0.2, 0.2], [0.7, 0.75]);
    await keep(page);
    await until(async () => (await at(page, "prompt-item").count()) === 1, "the box is not listed");
    const before = await at(page, "prompt-item").first().textContent();
    await drag(page, [0.4, 0.4], [0.43, 0.43]);
    await until(
      async () => (await at(page, "prompt-item").first().textContent()) !== before,
      "the box did not move",
    );
    const moved = await at(page, "prompt-item").first().textContent();
    await page.waitForLoadState("networkidle").catch(() => {});
    await page.reload();
    await at(page, "prompt-item").first().waitFor();
    check(
      (await at(page, "prompt-item").first().textContent()) === moved,
      "the server has another box",
    );
  });
  await step("Delete removes a box and Ctrl Z brings it back", async () => {
    await at(page, "prompt-item").first().locator("button.row").click();
    await page.keyboard.press("Delete");
    await until(
      async () => (await at(page, "prompt-item").count()) === 0,
      "the box is still there",
    );
    await page.keyboard.press("Control+z");
    await until(
      async () => (await at(page, "prompt-item").count()) === 1,
      "the box did not come back",
    );
  });
  await step("zooming at the pointer keeps the place under it, and fit comes back", async () => {
    const scale = async () => Number(await at(page, "canvas").getAttribute("data-scale"));
    const first = await scale();
    const a = await on_screen(page, 0.5, 0.5);
    await page.mouse.move(a.x, a.y);
    await page.mouse.wheel(0, -300);
    await until(async () => (await scale()) > first, "the wheel does not zoom");
    const b = await on_screen(page, 0.5, 0.5);
    check(Math.hypot(a.x - b.x, a.y - b.y) < 2, "the place under the pointer moved");
    await page.keyboard.press("f");
    await until(async () => Math.abs((await scale()) - first) < 1e-6, "fit does not come back");
  });
  await step("Process: the mask appears by itself, without polling", async () => {
    let polls = 0;
    const counter = (r) => {
      if (/\/api\/v1\/jobs(\?|$)/.test(r.url()) && r.method() === "GET") polls += 1;
    };
    page.on("request", counter);
    await process_and_see(page);
    await shot("05-annotate-box");
    page.off("request", counter);
    // Told to whoever does not see it.
    await page.getByRole("status").filter({ hasText: /^\d+ masks?$/ }).waitFor();
    check(polls === 0, `the page asked ${polls} times for the jobs although it is live`);
  });
  await step("the opacity slider and the switch act on the overlay", async () => {
    const opacity = () => at(page, "overlay").evaluate((e) => Number(getComputedStyle(e).opacity));
    await at(page, "opacity").fill("25");
    check(Math.abs((await opacity()) - 0.25) < 0.01, "the slider does not change the opacity");
    await at(page, "overlay-toggle").uncheck();
    check((await opacity()) === 0, "the masks are still visible");
    await at(page, "overlay-toggle").check();
  });
}

async function coco_step() {
  await step("the COCO file is downloaded and sound", async () => {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      at(page, "coco-download").click(),
    ]);
    check(
      /_coco\.json$/.test(download.suggestedFilename()),
      `named ${download.suggestedFilename()}`,
    );
    const path = join(run.out, "coco.json");
    await download.saveAs(path);
    const coco = JSON.parse(readFileSync(path, "utf8"));
    const [image] = coco.images;
    check(
      coco.images.length === 1 && Number.isInteger(image.id),
      "one image with a whole id expected",
    );
    check(coco.annotations.length > 0, "no annotation");
    for (const a of coco.annotations) {
      check(a.image_id === image.id, "an annotation of another image");
      check(a.area > 0, "an empty annotation");
      check(
        a.segmentation.size[0] === image.height && a.segmentation.size[1] === image.width,
        "wrong size",
      );
      check(typeof a.segmentation.counts === "string", "counts are not compressed");
      const [x, y, w, h] = a.bbox;
      check(
        x >= 0 && y >= 0 && x + w <= image.width && y + h <= image.height,
        "bbox outside the image",
      );
      check(a.area <= w * h, "more area than the bbox holds");
    }
    check(
      coco.categories.some((c) => c.id === coco.annotations[0].category_id),
      "unknown category",
    );
  });
}

async function other_mode_steps() {
  await step("point mode: a click, a right-click, and a mask", async () => {
    await at(page, "mode-point").click();
    const yes = await on_screen(page, 0.45, 0.45);
    const no = await on_screen(page, 0.06, 0.06);
    await page.mouse.click(yes.x, yes.y);
    await keep(page);
    await until(
      async () => (await at(page, "prompt-item").count()) === 1,
      "the point is not listed",
    );
    await page.mouse.click(no.x, no.y, { button: "right" });
    await keep(page);
    await until(
      async () => (await at(page, "prompt-item").count()) === 2,
      "the negative point is not listed",
    );
    const text = await at(page, "prompt-list").textContent();
    check(text.includes("Point +") && text.includes("Point −"), `the list says ${text}`);
    await process_and_see(page);
    await shot("06-annotate-point");
  });
  await step("find all: exemplars of both kinds, and masks", async () => {
    await at(page, "mode-find_all").click();
    const disabled = await at(page, "text-prompt").isDisabled();
    if (disabled) {
      check((await at(page, "text-reason").textContent()).length > 10, "no reason why text is off");
    }
    await at(page, "tool-exemplar_positive").click();
    await drag(page, [0.25, 0.25], [0.55, 0.6]);
    await until(
      async () => (await at(page, "prompt-item").count()) === 1,
      "the exemplar is not listed",
    );
    await page.keyboard.press("Escape");
    await at(page, "tool-exemplar_negative").click();
    await drag(page, [0.8, 0.05], [0.95, 0.2]);
    await until(
      async () => (await at(page, "prompt-item").count()) === 2,
      "the negative exemplar is not listed",
    );
    await process_and_see(page);
    await shot("07-annotate-find-all");
  });
  await step("the keys are explained", async () => {
    await page.keyboard.press("?");
    await at(page, "dialog").waitFor();
    await shot("08-help");
    await page.keyboard.press("Escape");
    await at(page, "dialog").waitFor({ state: "detached" });
  });
  await step("next image, a box on each, Process all", async () => {
    await at(page, "mode-inside_box").click();
    for (let i = 1; i < run.photos.length; i += 1) {
      const url = page.url();
      await at(page, "next-image").click();
      await until(() => page.url() !== url, "the next image does not open");
      await until(
        async () => (await at(page, "prompt-item").count()) === 0,
        "another image's prompts are shown",
      );
      await drag(page, [0.25, 0.25], [0.75, 0.75]);
      await keep(page);
      await until(
        async () => (await at(page, "prompt-item").count()) === 1,
        "the box is not listed",
      );
    }
    await at(page, "process-all").click();
    await until(() => painted(page), "the mask never appeared");
  });
}

try {
  const routes = await routes_of(run.base);
  const step_with = (needed, name, action) => count.step_with(routes, needed, name, action);
  const everything = { page, context, run, step, step_with, shot, who };
  await sign_in_steps();
  await upload_steps(everything);
  await preview_steps(everything);
  await box_steps();
  await coco_step();
  await other_mode_steps();
  await look_around(everything);
  await hand_steps(everything);
  await again_steps(everything);
  await keyboard_steps(everything);
  await many_steps(everything);
  await account_pages(everything);
  await admin_pages(everything);
  await narrow_steps(everything);
  await polling_fallback({ context, run, step, shot });
  await step("no script error and no violation of the content policy", async () => {
    check(problems.length === 0, problems.join("; "));
  });
} catch (e) {
  if (!(e instanceof stopped)) throw e;
  await shot("failure").catch(() => {});
  if (problems.length > 0) console.log(`      also: ${problems.join("; ")}`);
} finally {
  await context.close();
}
if (count.skipped > 0) console.log(`${count.skipped} steps skipped: the server lacks their routes`);
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exit(count.failed === 0 ? 0 : 1);
