// What was done although its answer got lost: asked for again, it is not done a second time.
import {
  at,
  check,
  delete_aside,
  drag,
  keep,
  on_screen,
  photo_file,
  until,
  upload_aside,
} from "./browser.mjs";

const own_jobs = (page) => page.evaluate(async () => (await fetch("/api/v1/jobs")).json());
const own_images = (page) =>
  page.evaluate(async () => (await (await fetch("/api/v1/images")).json()).images);

/** The server gets the first such POST and does it; the page gets 503 in its place. */
async function lose_first_answer(page, pattern) {
  const seen = [];
  await page.route(pattern, async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    const answer = await route.fetch();
    const { id } = await answer.json();
    const key = route.request().headers()["idempotency-key"];
    seen.push({ status: answer.status(), id, key });
    if (seen.length > 1) return route.fulfill({ response: answer });
    const detail = "The database does not answer; the change may still be made later";
    const json = { detail, code: "unavailable", request_id: "lost" };
    return route.fulfill({ status: 503, headers: { "Retry-After": "1" }, json });
  });
  return seen;
}

export async function again_steps({ page, run, step, shot }) {
  await step("Process pressed again after 503 gives the job that was made, and no second", async () => {
    await at(page, "nav-gallery").click();
    await at(page, "mode-inside_box").click();
    await at(page, "gallery-item").last().getByRole("link").click();
    await on_screen(page, 0.5, 0.5);
    await at(page, "prompt-item").first().waitFor();
    const before = (await own_jobs(page)).length;
    const pattern = "**/api/v1/jobs";
    const seen = await lose_first_answer(page, pattern);
    const process = at(page, "process");
    await process.click();
    await at(page, "toast").filter({ hasText: "may still be made later" }).waitFor();
    const [lost] = seen;
    check(lost.status === 201, `the server answered ${lost.status}`);
    check(/^[0-9a-f]{32}$/.test(lost.key), `asked with the key ${lost.key}`);
    await until(async () => {
      const job = (await own_jobs(page)).find((j) => j.id === lost.id);
      return job.status === "completed";
    }, "the job did not run");
    await process.click();
    await at(page, "toast").filter({ hasText: "made at the first try" }).waitFor();
    await shot("49-made-at-the-first-try");
    check(seen[1].status === 200 && seen[1].id === lost.id, JSON.stringify(seen));
    check((await own_jobs(page)).length === before + 1, "there is a second job");
    // An action of its own from here on.
    await process.click();
    await until(() => seen.length === 3, "the third press did not ask");
    check(seen[2].status === 201 && seen[2].id !== lost.id, JSON.stringify(seen));
    check((await own_jobs(page)).length === before + 2, "not one more job");
    await page.unroute(pattern, { behavior: "wait" });
  });
  await step("a box kept again after its answer got lost is stored once", async () => {
    const stored = () =>
      page.evaluate(async () => {
        const image_id = location.pathname.split("/").at(-1);
        return (await (await fetch(`/api/v1/annotations/${image_id}`)).json()).total;
      });
    const before = await stored();
    const pattern = "**/api/v1/annotations";
    const seen = await lose_first_answer(page, pattern);
    await page.keyboard.press("Escape");
    await page.keyboard.press("b");
    await drag(page, [0.72, 0.1], [0.92, 0.3]);
    await at(page, "preview-keep").click();
    await until(() => seen.length === 1, "nothing was stored");
    check(seen[0].status === 201, `the server answered ${seen[0].status}`);
    check((await stored()) === before + 1, "the box was not stored");
    check((await at(page, "prompt-item").count()) === before, "the page shows a box without answer");
    await keep(page);
    await until(async () => (await at(page, "prompt-item").count()) === before + 1, "not listed");
    check(seen.length === 1, "it was stored a second time");
    check((await stored()) === before + 1, "it is there twice");
    await page.unroute(pattern, { behavior: "wait" });
    await page.keyboard.press("Control+z");
    await until(async () => (await stored()) === before, "it cannot be taken back");
  });
  await step("an upload that broke off after it had arrived is not sent again unasked", async () => {
    await at(page, "nav-gallery").click();
    await at(page, "gallery-item").first().waitFor();
    const before = (await own_images(page)).length;
    const file = photo_file(run.photos[0], { name: "broke_off.jpg", mark: 3 });
    const pattern = "**/api/v1/images";
    let sent = 0;
    await page.route(pattern, async (route) => {
      if (route.request().method() !== "POST") return route.continue();
      sent += 1;
      return sent === 1 ? route.abort("connectionreset") : route.continue();
    });
    await at(page, "upload-input").setInputFiles([file]);
    const failed = page.locator('[data-testid="upload-item"][data-state="failed"]');
    await failed.filter({ hasText: "broke_off.jpg" }).waitFor();
    // The interception cannot pass on a file's bytes: that they arrived is played by a script.
    const id = await upload_aside(page, file);
    await failed.getByRole("button", { name: "Try again" }).click();
    await at(page, "uploads-known").filter({ hasText: "the same as broke_off.jpg" }).waitFor();
    await at(page, "uploads-skip").click();
    await at(page, "uploads-known").waitFor({ state: "detached" });
    check(sent === 2, `${sent} were sent, the script's one among them`);
    check((await own_images(page)).length === before + 1, "it is here twice");
    await page.unroute(pattern, { behavior: "wait" });
    await delete_aside(page, id);
    await page.locator(`[data-image-id="${id}"]`).waitFor({ state: "detached" });
  });
}
