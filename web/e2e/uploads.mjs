// Uploads: by the file button and by dropping, refused ones, and those that are here already.
import { openSync, closeSync, ftruncateSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { at, check, delete_aside, drop_file, photo_file, until } from "./browser.mjs";

const items = (page) => at(page, "gallery-item").count();

export async function upload_steps({ page, run, step, shot }) {
  const by_input = run.photos.slice(0, -1);
  const by_drop = run.photos.at(-1);
  await step("photographs are uploaded with the file button", async () => {
    await at(page, "nav-gallery").click();
    await at(page, "upload-input").setInputFiles(by_input);
    await until(
      async () => (await at(page, "gallery-item").count()) === by_input.length,
      "not all uploads arrived",
    );
  });
  await step("and by dropping them on the page", async () => {
    await drop_file(page, photo_file(by_drop), () => page.locator(".veil").waitFor());
    await until(
      async () => (await at(page, "gallery-item").count()) === run.photos.length,
      "the dropped file did not arrive",
    );
  });
  await step("a file that is no image is refused in words, the others stay", async () => {
    const file = {
      name: "notes.jpg",
      mimeType: "image/jpeg",
      buffer: Buffer.from("these are words"),
    };
    await at(page, "upload-input").setInputFiles([file]);
    const failed = page.locator('[data-testid="upload-item"][data-state="failed"]');
    await failed.waitFor();
    check((await failed.locator(".error-text").textContent()).length > 5, "no sentence is shown");
    check((await at(page, "gallery-item").count()) === run.photos.length, "an image got lost");
  });
  await step("a file that is larger than the server takes is not even sent", async () => {
    const { limits } = await (await fetch(`${run.base}/api/v1/system`)).json();
    const path = join(run.out, "too-large.tiff");
    const file = openSync(path, "w");
    ftruncateSync(file, limits.upload_bytes_max + 1);
    closeSync(file);
    let sent = 0;
    const counter = (r) => {
      if (r.method() === "POST" && r.url().endsWith("/images")) sent += 1;
    };
    page.on("request", counter);
    await at(page, "upload-input").setInputFiles([path]);
    const line = page.locator('[data-testid="upload-item"][data-state="failed"]');
    await line.filter({ hasText: "Larger than 100 MB" }).waitFor();
    page.off("request", counter);
    rmSync(path);
    check(sent === 0, "it was sent");
  });
  await step("every thumbnail is there", async () => {
    await until(
      () =>
        page.evaluate(() =>
          [...document.querySelectorAll(".thumb img")].every(
            (i) => i.complete && i.naturalWidth > 0,
          ),
        ),
      "a thumbnail is missing",
    );
    await shot("04-gallery");
  });
  await step("searching finds by name", async () => {
    await at(page, "search").fill(basename(run.photos[1]));
    await until(
      async () => (await at(page, "gallery-item").count()) === 1,
      "the search does not narrow the gallery",
    );
    await at(page, "search").fill("");
    await until(
      async () => (await at(page, "gallery-item").count()) === run.photos.length,
      "the gallery does not come back",
    );
  });
  await step("what is here already is held back, and what is new beside it is not", async () => {
    const before = await at(page, "gallery-item").count();
    const [known, other] = run.photos;
    const fresh = photo_file(known, { mark: 1 });
    await at(page, "upload-input").setInputFiles([photo_file(known), photo_file(other), fresh]);
    await at(page, "uploads-known").filter({ hasText: "2 files are already among" }).waitFor();
    // Same name, other content: new. It came although nothing has been answered yet.
    await until(async () => (await items(page)) === before + 1, "the new one did not arrive");
    const held = page.locator('[data-testid="upload-item"][data-state="known"]');
    check((await held.count()) === 2, `${await held.count()} files are held back`);
    await shot("04b-already-here");
    await at(page, "uploads-skip").click();
    await at(page, "uploads-known").waitFor({ state: "detached" });
    check((await items(page)) === before + 1, "a file that was left out came all the same");
  });
  await step("a copy under another name is known too, and goes up all the same if wanted", async () => {
    const before = await items(page);
    await at(page, "upload-input").setInputFiles([photo_file(run.photos[1], { name: "copy.jpg" })]);
    const known = at(page, "uploads-known");
    await known.filter({ hasText: `the same as ${basename(run.photos[1])}` }).waitFor();
    await at(page, "uploads-want").click();
    await until(async () => (await items(page)) === before + 1, "it was not uploaded");
    // The later steps count on the photographs alone.
    for (let extra = 0; extra < 2; extra += 1) {
      await delete_aside(page, await at(page, "gallery-item").first().getAttribute("data-image-id"));
      await until(async () => (await items(page)) === before - extra, "it stays in the list");
    }
    check((await items(page)) === run.photos.length, "another image has gone");
  });
  await step("of one file chosen twice at once, one is enough", async () => {
    const before = await items(page);
    const file = photo_file(run.photos[0], { name: "twice.jpg", mark: 2 });
    await at(page, "upload-input").setInputFiles([file, file]);
    await at(page, "uploads-known").filter({ hasText: "chosen twice" }).waitFor();
    await at(page, "uploads-skip").click();
    await until(async () => (await items(page)) === before + 1, "it was not uploaded");
    await delete_aside(page, await at(page, "gallery-item").first().getAttribute("data-image-id"));
    await until(async () => (await items(page)) === before, "it stays in the list");
  });
}
