// More images than the gallery reads at first: back to where one was, and all deleted together.
import { at, check, on_screen, photo_file, until } from "./browser.mjs";

/** The gallery's page is 60. */
const many = 70;

export async function many_steps({ page, run, step, shot }) {
  const items = () => at(page, "gallery-item").count();
  let before = 0;
  await step("many images are uploaded together, and more are read when one gets there", async () => {
    before = await items();
    const files = Array.from({ length: many }, (_, i) =>
      photo_file(run.photos[0], { name: `many_${i}.jpg`, mark: 10 + i }),
    );
    await at(page, "upload-input").setInputFiles(files);
    const panel = at(page, "uploads");
    await panel.filter({ hasText: /\d+ images uploaded/ }).waitFor();
    await page.reload();
    await until(async () => (await items()) === 60, "not one page of them");
    await at(page, "gallery-item").last().scrollIntoViewIfNeeded();
    await until(async () => (await items()) === before + many, "the rest is not read");
  });
  await step("the way back from a far image leads to it", async () => {
    const far = at(page, "gallery-item").nth(65);
    const id = await far.getAttribute("data-image-id");
    await far.getByRole("link").click();
    await on_screen(page, 0.5, 0.5);
    await at(page, "next-image").click();
    await until(() => !page.url().includes(id), "the next image does not open");
    await on_screen(page, 0.5, 0.5);
    await at(page, "prev-image").click();
    await until(() => page.url().includes(id), "the image does not come back");
    await on_screen(page, 0.5, 0.5);
    await at(page, "nav-gallery").click();
    await page.locator(`[data-image-id="${id}"] a:focus`).waitFor();
  });
  await step("all that are found are deleted together, the others stay", async () => {
    await at(page, "search").fill("many_");
    await at(page, "select-all").filter({ hasText: "found" }).waitFor();
    await until(
      async () => (await at(page, "gallery-item").first().textContent()).includes("many_"),
      "the search finds others",
    );
    await at(page, "select-all").click();
    await at(page, "delete-selected").click();
    await at(page, "dialog").filter({ hasText: `Delete ${many} images?` }).waitFor();
    let release;
    const held = new Promise((resolve) => (release = resolve));
    const pattern = "**/api/v1/images/*";
    await page.route(pattern, async (route) => {
      if (route.request().method() === "DELETE") await held;
      await route.continue();
    });
    await at(page, "dialog-confirm").click();
    await at(page, "delete-selected").filter({ hasText: `0 of ${many} done` }).waitFor();
    await shot("48-deleting");
    release();
    await at(page, "delete-selected").waitFor({ state: "detached" });
    await page.unroute(pattern, { behavior: "wait" });
    check((await items()) === 0, `${await items()} are still shown`);
    await at(page, "search").fill("");
    await until(async () => (await items()) === before, "another number of images is left");
  });
}
