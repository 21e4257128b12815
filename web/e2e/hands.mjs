// What hands do in other annotation tools: letting go beside the picture, redo, panning, two
// fingers, hiding a mask, picking all, dropping a file anywhere, putting a job before the others.
import {
  at,
  check,
  delete_aside,
  drag,
  drop_file,
  on_screen,
  painted,
  photo_file,
  until,
  upload_aside,
} from "./browser.mjs";

const view_of = (page) =>
  at(page, "canvas").evaluate((e) => [e.dataset.scale, e.dataset.x, e.dataset.y].map(Number));

async function prompts_are(page, n, sentence) {
  await until(async () => (await at(page, "prompt-item").count()) === n, sentence);
}

async function picture_steps({ page, step, shot }) {
  await step("the gallery's mode is the opened image's, and the way back leads to it", async () => {
    await at(page, "mode-point").click();
    const opened = at(page, "gallery-item").last();
    const id = await opened.getAttribute("data-image-id");
    await opened.getByRole("link").click();
    await on_screen(page, 0.5, 0.5);
    const pressed = await at(page, "mode-point").getAttribute("aria-pressed");
    check(pressed === "true", "the image opens in another mode");
    await at(page, "nav-gallery").click();
    await page.locator(`[data-image-id="${id}"] a:focus`).waitFor();
    await page.keyboard.press("Enter");
    await on_screen(page, 0.5, 0.5);
  });
  await step("Point − marks what is not meant; Ctrl Shift Z has again what was taken back", async () => {
    await at(page, "preview-toggle").click();
    const before = await at(page, "prompt-item").count();
    await at(page, "tool-point_negative").click();
    const p = await on_screen(page, 0.1, 0.1);
    await page.mouse.click(p.x, p.y);
    await prompts_are(page, before + 1, "the point is not listed");
    check((await at(page, "prompt-item").last().textContent()).includes("Point −"), "not negative");
    await page.keyboard.press("Control+z");
    await prompts_are(page, before, "the point is still there");
    await page.keyboard.press("Control+Shift+Z");
    await prompts_are(page, before + 1, "the point did not come back");
    check(await at(page, "redo").isDisabled(), "there is more to do again");
    await page.keyboard.press("Control+z");
    await prompts_are(page, before, "the point cannot be taken back twice");
  });
  await step("a drag with a point tool moves the picture and makes no point", async () => {
    const before = await at(page, "prompt-item").count();
    const [scale, x] = await view_of(page);
    await drag(page, [0.5, 0.5], [0.6, 0.5]);
    await until(async () => (await view_of(page))[1] > x + 10, "the picture did not move");
    check((await view_of(page))[0] === scale, "the picture was zoomed");
    check((await at(page, "prompt-item").count()) === before, "a drag made a point");
    await page.keyboard.press("f");
  });
  await step("a box let go beside the picture ends at its edge", async () => {
    await at(page, "mode-inside_box").click();
    await page.keyboard.press("Escape");
    await page.keyboard.press("b");
    const before = await at(page, "prompt-item").count();
    const from = await on_screen(page, 0.7, 0.5);
    const area = await at(page, "canvas").boundingBox();
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(area.x + area.width - 4, from.y + 40, { steps: 4 });
    await page.mouse.move(area.x + area.width + 60, from.y + 60, { steps: 4 });
    await page.mouse.up();
    await prompts_are(page, before + 1, "the box is lost");
    await page.mouse.move(from.x - 50, from.y - 50, { steps: 4 });
    await shot("40-box-to-the-edge");
    await page.keyboard.press("Control+z");
    await prompts_are(page, before, "the box cannot be taken back");
    await at(page, "preview-toggle").click();
  });
  await step("one mask is hidden and shown again", async () => {
    await until(() => painted(page), "no mask is painted");
    const all = await painted(page);
    await at(page, "mask-switch").first().click();
    await until(async () => (await painted(page)) < all, "the mask is still painted");
    await at(page, "mask-switch").first().click();
    await until(async () => (await painted(page)) === all, "the mask does not come back");
  });
  await step("two fingers zoom the picture and draw nothing", async () => {
    const before = await at(page, "prompt-item").count();
    const [scale] = await view_of(page);
    const { x, y } = await on_screen(page, 0.5, 0.5);
    const session = await page.context().newCDPSession(page);
    const touch = (type, ...touchPoints) =>
      session.send("Input.dispatchTouchEvent", { type, touchPoints });
    const finger = (id, dx) => ({ x: x + dx, y, id });
    await touch("touchStart", finger(0, -30));
    await touch("touchStart", finger(0, -30), finger(1, 30));
    for (const d of [40, 50, 60]) await touch("touchMove", finger(0, -d), finger(1, d));
    await touch("touchEnd");
    await until(async () => Math.abs((await view_of(page))[0] / scale - 2) < 0.1, "not twice as large");
    check((await at(page, "prompt-item").count()) === before, "the fingers drew a box");
    check((await at(page, "preview-bar").count()) === 0, "the fingers drew a box");
    await session.detach();
    await page.keyboard.press("f");
  });
}

/** `ask(path, body, token)` in the page, until it is loaded anew. */
function give_ask(page) {
  return page.evaluate(() => {
    window.ask = async (path, body, token = "") => {
      const answer = await fetch(`/api/v1${path}`, {
        method: body === undefined ? "GET" : "POST",
        headers: { "Content-Type": "application/json", "X-CSRF-Token": token },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      return answer.json();
    };
  });
}

/** Twice the same job and one more, all waiting. */
async function submit_three(page) {
  await give_ask(page);
  return page.evaluate(async () => {
    const { ask } = window;
    const { csrf_token } = await ask("/auth/me");
    const { images } = await ask("/images");
    const body = { image_ids: images.map((i) => i.id), mode: "inside_box", force_all: true };
    const made = [];
    for (let i = 0; i < 3; i += 1) made.push((await ask("/jobs", body, csrf_token)).id);
    return made;
  });
}

/** A job of all images, cancelled as soon as it runs; how many of them had still finished at its end. */
async function cancel_while_running(page) {
  await give_ask(page);
  return page.evaluate(async () => {
    const { ask } = window;
    const { csrf_token } = await ask("/auth/me");
    const { images } = await ask("/images");
    const body = { image_ids: images.map((i) => i.id), mode: "inside_box", force_all: true };
    const { id } = await ask("/jobs", body, csrf_token);
    while ((await ask(`/jobs/${id}`)).status === "queued");
    await ask(`/jobs/${id}/cancel`, {}, csrf_token);
    const over = ["completed", "failed", "cancelled"];
    while (!(await ask(`/jobs/${id}/images`)).every((i) => over.includes(i.state)));
    const { processed_count, image_count } = await ask(`/jobs/${id}`);
    return { id, processed: processed_count, of: image_count };
  });
}

export async function hand_steps(everything) {
  const { page, run, step, shot } = everything;
  await picture_steps(everything);
  await step("a file dropped on an open image is uploaded; the page stays", async () => {
    const url = page.url();
    await drop_file(page, photo_file(run.photos[0], { mark: 1 }));
    await at(page, "toast").filter({ hasText: "Uploading 1 image" }).waitFor();
    check(page.url() === url, "the page was left");
    await at(page, "nav-gallery").click();
    await at(page, "uploads").filter({ hasText: "1 image uploaded" }).waitFor();
  });
  await step("a file that is here already is said on any page, and kept back", async () => {
    await at(page, "nav-jobs").click();
    await drop_file(page, photo_file(run.photos[0], { mark: 1 }));
    await at(page, "toast").filter({ hasText: "1 file is already among your images" }).waitFor();
    await at(page, "nav-gallery").click();
    await at(page, "uploads-skip").click();
    await at(page, "uploads-known").waitFor({ state: "detached" });
  });
  await step("what a script uploads and deletes comes and goes by itself", async () => {
    const before = await at(page, "gallery-item").count();
    const id = await upload_aside(page, photo_file(run.photos[0], { name: "by_script.jpg" }));
    await page.locator(`[data-image-id="${id}"]`).waitFor();
    check((await at(page, "gallery-item").count()) === before + 1, "another image has gone");
    await delete_aside(page, id);
    await page.locator(`[data-image-id="${id}"]`).waitFor({ state: "detached" });
    check((await at(page, "gallery-item").count()) === before, "another image has gone");
  });
  await step("all images are picked with one button", async () => {
    const n = await at(page, "gallery-item").count();
    await at(page, "select-all").click();
    await at(page, "process-selected").filter({ hasText: `(${n})` }).waitFor();
    check((await page.locator(".tile.selected").count()) === n, "a tile is not marked");
    await page.getByRole("button", { name: "Clear selection" }).click();
  });
  await step("the oldest come first if wanted, and next goes on in that order", async () => {
    const shown = () =>
      at(page, "gallery-item").evaluateAll((all) => all.map((i) => i.dataset.imageId));
    const newest = await shown();
    await at(page, "order").selectOption("oldest");
    await until(async () => (await shown()).join() === [...newest].reverse().join(), "not turned");
    await at(page, "gallery-item").first().getByRole("link").click();
    await on_screen(page, 0.5, 0.5);
    await page.getByText(`1 of ${newest.length}`).waitFor();
    await at(page, "next-image").click();
    await until(() => page.url().includes(newest.at(-2)), "another image is the next");
    await at(page, "nav-gallery").click();
    await at(page, "order").selectOption("newest");
    await until(async () => (await shown()).join() === newest.join(), "it does not turn back");
  });
  await step("a waiting job is put before the others, and a paused queue is said", async () => {
    await at(page, "nav-jobs").click();
    await at(page, "own-queue-switch").click();
    await page.locator('[data-testid="own-queue"][data-paused="true"]').waitFor();
    const [first, , last] = await submit_three(page);
    const row = (id) => page.locator(`[data-job-id="${id}"]`);
    await row(last).getByTestId("job-first").click();
    await row(last).filter({ hasText: "next in your queue" }).waitFor();
    await row(first).filter({ hasText: "1 ahead in your queue, paused" }).waitFor();
    check((await row(last).getByTestId("job-first").count()) === 0, "the first can be put first");
    await at(page, "jobs-filter").selectOption("queued");
    await until(async () => (await at(page, "job-row").count()) === 3, "not the three that wait");
    await page.reload();
    await until(async () => (await at(page, "job-row").count()) === 3, "the filter is not kept");
    await shot("44b-jobs-queued");
    // Whoever looks at an image is told why nothing happens.
    await at(page, "nav-gallery").click();
    await at(page, "gallery-item").last().getByRole("link").click();
    await at(page, "queue-paused").getByRole("button").click();
    await at(page, "queue-paused").waitFor({ state: "detached" });
    await page.goBack();
    await page.goBack();
    // What has ended leaves the list of what waits by itself.
    await page.getByText("No job is queued").waitFor();
    await at(page, "jobs-filter").selectOption("");
    for (const id of [first, last]) {
      await row(id).locator('[data-testid="job-status"][data-status="completed"]').waitFor();
    }
    await at(page, "nav-gallery").click();
    await at(page, "gallery-item").first().waitFor();
  });
  await step("what finished after a job was cancelled is counted by itself", async () => {
    await at(page, "nav-jobs").click();
    const { id, processed, of } = await cancel_while_running(page);
    const row = page.locator(`[data-job-id="${id}"]`);
    await row.filter({ hasText: `${processed} of ${of} images` }).waitFor();
    await at(page, "nav-gallery").click();
    await at(page, "gallery-item").first().waitFor();
  });
}
