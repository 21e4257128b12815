// Click and see: a mask appears before anything is stored, is kept or dropped, and nothing jumps.
import { at, check, drag, on_screen, painted, until } from "./browser.mjs";

const view_of = (page) =>
  at(page, "canvas").evaluate((e) => {
    const r = e.getBoundingClientRect();
    return [e.dataset.scale, e.dataset.x, e.dataset.y, r.x, r.y, r.width, r.height].join();
  });
const pending = async (page) => (await at(page, "preview-bar").count()) === 1;
const shown = (page) =>
  until(
    async () => (await at(page, "preview-overlay").count()) === 1 && painted(page, "preview-overlay"),
    "the preview shows no mask",
  );

export async function preview_steps({ page, step, shot }) {
  const asked = [];
  const stored = [];
  const counter = (r) => {
    if (r.method() !== "POST") return;
    if (/\/segment$/.test(r.url())) asked.push(r.postDataJSON());
    if (/\/(point-)?annotations$/.test(r.url())) stored.push(r.postDataJSON());
  };

  await step("a box shows its mask at once, without being stored, and the canvas stays", async () => {
    page.on("request", counter);
    await at(page, "gallery-item").first().getByRole("link").click();
    await on_screen(page, 0.5, 0.5);
    const before = await view_of(page);
    await drag(page, [0.2, 0.2], [0.6, 0.7]);
    check((await shown(page)) > 20, "hardly a pixel is painted");
    check((await view_of(page)) === before, "the canvas moved");
    check(stored.length === 0, "the box was stored before it was kept");
    check((await at(page, "prompt-item").count()) === 0, "the box is listed before it was kept");
    await shot("30-preview-box");
  });
  await step("Escape drops it, with its mask", async () => {
    await page.keyboard.press("Escape");
    await at(page, "preview-bar").waitFor({ state: "detached" });
    check((await at(page, "preview-overlay").count()) === 0, "the mask is still there");
    check(stored.length === 0, "something was stored");
  });
  await step("points refine one mask; Ctrl Z takes the last one back", async () => {
    await at(page, "mode-point").click();
    const yes = await on_screen(page, 0.45, 0.45);
    await page.mouse.click(yes.x, yes.y);
    await shown(page);
    const no = await on_screen(page, 0.05, 0.05);
    await page.mouse.click(no.x, no.y, { button: "right" });
    await until(() => asked.at(-1)?.points?.length === 2, "the second point was not asked about");
    const { points, mode } = asked.at(-1);
    check(mode === "point", `asked in mode ${mode}`);
    check(points[0].is_positive && !points[1].is_positive, "the kinds of the points are wrong");
    await page.keyboard.press("Control+z");
    await until(() => asked.at(-1)?.points?.length === 1, "the point was not taken back");
    await shown(page);
    await shot("31-preview-point");
  });
  await step("of two quick questions the newest answer is shown", async () => {
    await page.keyboard.press("Escape");
    // The first answer comes last: held back until the second one has been seen.
    let release;
    const held = new Promise((resolve) => (release = resolve));
    let first = true;
    await page.route("**/segment", async (route) => {
      const answer = await route.fetch().catch(() => null);
      if (first) {
        first = false;
        await held;
      }
      if (answer !== null) await route.fulfill({ response: answer }).catch(() => {});
    });
    const a = await on_screen(page, 0.3, 0.3);
    const b = await on_screen(page, 0.6, 0.6);
    await page.mouse.click(a.x, a.y);
    await until(() => !first, "the first question was not sent");
    check((await at(page, "preview-bar").getAttribute("data-waiting")) === "true", "no waiting");
    await shot("32-preview-waiting");
    await page.mouse.click(b.x, b.y);
    await shown(page);
    const pixels = await painted(page, "preview-overlay");
    release();
    await page.unroute("**/segment", { behavior: "wait" }).catch(() => {});
    check((await painted(page, "preview-overlay")) === pixels, "the older answer replaced it");
    check((await at(page, "preview-bar").getAttribute("data-waiting")) === "false", "still waiting");
  });
  await step("a refused preview is one quiet line, and can be tried again", async () => {
    await page.keyboard.press("Escape");
    await page.route("**/segment", (route) =>
      route.fulfill({
        status: 503,
        contentType: "application/json",
        body: '{"detail":"All devices are busy","code":"unavailable","request_id":"r1"}',
      }),
    );
    const a = await on_screen(page, 0.4, 0.4);
    await page.mouse.click(a.x, a.y);
    await at(page, "preview-words").filter({ hasText: "All devices are busy" }).waitFor();
    check((await at(page, "toast").filter({ hasText: "busy" }).count()) === 0, "it is also a toast");
    await shot("33-preview-refused");
    await page.unroute("**/segment");
    await at(page, "preview-bar").getByRole("button", { name: "Try again" }).click();
    await shown(page);
  });
  await step("Enter keeps what is shown, and the mask stays to be seen", async () => {
    const before = stored.length;
    await page.keyboard.press("Escape");
    // The button keeps no focus that would swallow the key.
    await at(page, "tool-point").click();
    const a = await on_screen(page, 0.4, 0.4);
    await page.mouse.click(a.x, a.y);
    await shown(page);
    await page.keyboard.press("Enter");
    await until(async () => !(await pending(page)), "it is still not kept");
    check(stored.length === before + 1, `${stored.length - before} prompts were stored`);
    check((await at(page, "prompt-item").count()) === 1, "the point is not listed");
    check((await painted(page, "preview-overlay")) > 20, "the mask is gone");
    await at(page, "prompt-delete").first().click();
    await until(async () => (await at(page, "prompt-item").count()) === 0, "the point is still there");
    check((await at(page, "preview-overlay").count()) === 0, "the mask outlived its point");
  });
  await step("without the preview a prompt is stored at once, as before", async () => {
    await page.keyboard.press("s");
    check((await at(page, "preview-toggle").getAttribute("aria-pressed")) === "false", "still on");
    const questions = asked.length;
    const a = await on_screen(page, 0.5, 0.5);
    await page.mouse.click(a.x, a.y);
    await until(async () => (await at(page, "prompt-item").count()) === 1, "the point is missing");
    check(asked.length === questions && !(await pending(page)), "it was previewed all the same");
    await at(page, "prompt-delete").first().click();
    await until(async () => (await at(page, "prompt-item").count()) === 0, "the point is still there");
    await at(page, "preview-toggle").click();
  });
  await step("going to another image keeps what was pending", async () => {
    await at(page, "mode-inside_box").click();
    await drag(page, [0.3, 0.3], [0.6, 0.6]);
    await shown(page);
    const url = page.url();
    await page.keyboard.press("ArrowRight");
    await until(() => page.url() !== url, "the next image does not open");
    await on_screen(page, 0.5, 0.5);
    await page.keyboard.press("ArrowLeft");
    await until(async () => (await at(page, "prompt-item").count()) === 1, "the box got lost");
    await at(page, "prompt-delete").first().click();
    await until(async () => (await at(page, "prompt-item").count()) === 0, "the box is still there");
    page.off("request", counter);
    await at(page, "nav-gallery").click();
    await at(page, "gallery-item").first().waitFor();
  });
}
