// Drawing, moving and resizing by the keyboard alone, zoomed and panned too; the mouse is not touched.
import { at, check, on_screen, painted, until } from "./browser.mjs";

const view_of = (page) =>
  at(page, "canvas").evaluate((e) => [e.dataset.scale, e.dataset.x, e.dataset.y].map(Number));
/** In pixels of the image. */
const place_of = (page) =>
  at(page, "crosshair").evaluate((e) => [e.dataset.x, e.dataset.y].map(Number));
/** In pixels of the canvas. */
async function seen_at(page) {
  const area = await at(page, "canvas").boundingBox();
  const x = await page.locator(".crosshair-y").boundingBox();
  const y = await page.locator(".crosshair-x").boundingBox();
  return { x: x.x - area.x, y: y.y - area.y, inside: { width: area.width, height: area.height } };
}
const drawing = (page) =>
  at(page, "crosshair-layer").evaluate((e) => e === document.activeElement);

async function press(page, keys, times = 1) {
  for (let i = 0; i < times; i += 1) await page.keyboard.press(keys);
}
async function prompts_are(page, n) {
  await until(
    async () => (await at(page, "prompt-item").count()) === n,
    `not ${n} prompts but ${await at(page, "prompt-item").count()}`,
  );
}

/** Width, height, left and top of the selected box, as the list says. */
async function selected_box(page) {
  const text = await page.locator(".prompts li.selected").textContent();
  return /(\d+)×(\d+) · (\d+), (\d+)/.exec(text).slice(1).map(Number);
}
async function box_becomes(page, expected) {
  await until(
    async () => `${await selected_box(page)}` === `${expected}`,
    `the box is ${await selected_box(page)} and not ${expected}`,
  );
}
/** The crosshair by single steps to within a few pixels. */
async function steer(page, x, y) {
  const axis = async (i, goal, less, more) => {
    for (let n = 0; n < 400; n += 1) {
      const now = (await place_of(page))[i];
      if (Math.abs(now - goal) <= 3) return;
      await press(page, now < goal ? more : less);
    }
    throw new Error(`the crosshair does not come to ${x}, ${y}`);
  };
  await axis(0, x, "ArrowLeft", "ArrowRight");
  await axis(1, y, "ArrowUp", "ArrowDown");
}

async function hold_steps({ page, step, shot }) {
  const label = at(page, "crosshair");
  let first = [];
  await step("C leads to the box that is selected in the list, and Enter takes hold of it", async () => {
    // Out of every box, into the corner of the picture.
    await press(page, "Shift+ArrowLeft", 30);
    await press(page, "Shift+ArrowUp", 30);
    check(`${await place_of(page)}` === "0,0", `it is at ${await place_of(page)}`);
    await page.locator(".prompts li.selected button.row").focus();
    await press(page, "Enter");
    first = await selected_box(page);
    const [w, h, x, y] = first;
    await press(page, "c");
    const [cx, cy] = await place_of(page);
    check(Math.abs(cx - x - w / 2) <= 1 && Math.abs(cy - y - h / 2) <= 1, `it is at ${cx}, ${cy}`);
    await press(page, "Enter");
    await label.filter({ hasText: "Held: box" }).waitFor();
  });
  await step("arrow keys move what is held, Enter puts it down, and Ctrl Z takes it back", async () => {
    const [w, h, x, y] = first;
    const [cx, cy] = await place_of(page);
    await press(page, "ArrowLeft", 3);
    await press(page, "Shift+ArrowUp");
    const [mx, my] = await place_of(page);
    check(mx < cx && my < cy, "the crosshair stays behind");
    const to = [w, h, x + mx - cx, y + my - cy];
    await label.filter({ hasText: `${w} × ${h} at ${to[2]}, ${to[3]}` }).waitFor();
    check(`${await selected_box(page)}` === `${first}`, "it is stored before it is put down");
    await shot("46b-keyboard-held");
    const stored = page.waitForResponse((r) => r.request().method() === "PATCH" && r.ok());
    await press(page, "Enter");
    await stored;
    await box_becomes(page, to);
    await press(page, "Control+z");
    await box_becomes(page, first);
  });
  await step("near a corner it holds the corner, and Escape puts it back", async () => {
    const [w, h, x, y] = first;
    await steer(page, x + w, y + h);
    await press(page, "Space");
    await label.filter({ hasText: "Held: bottom right corner" }).waitFor();
    const [cx, cy] = await place_of(page);
    check(cx === x + w && cy === y + h, "the crosshair is not on the corner");
    await press(page, "ArrowLeft", 4);
    await press(page, "ArrowUp", 2);
    await press(page, "Escape");
    await label.filter({ hasText: "where it was" }).waitFor();
    await box_becomes(page, first);
    await press(page, "Enter");
    await press(page, "ArrowLeft", 4);
    await press(page, "ArrowUp", 2);
    const [mx, my] = await place_of(page);
    // Taken back before the server has answered: it is this change that goes, not an older one.
    const changes = "**/api/v1/annotations/*";
    await page.route(changes, async (route) => {
      await new Promise((r) => setTimeout(r, 500));
      await route.continue();
    });
    await press(page, "Space");
    await box_becomes(page, [mx - x, my - y, x, y]);
    await press(page, "Control+z");
    await box_becomes(page, first);
    await page.unroute(changes);
    check(await drawing(page), "the picture has lost the focus");
  });
}

export async function keyboard_steps({ page, step, shot }) {
  let before = 0;
  await step("C shows a crosshair, arrow keys move it, and it is told", async () => {
    await at(page, "gallery-item").first().getByRole("link").focus();
    await press(page, "Enter");
    await on_screen(page, 0.5, 0.5);
    await press(page, "1");
    await press(page, "b");
    before = await at(page, "prompt-item").count();
    const url = page.url();
    await press(page, "c");
    check(await drawing(page), "the picture has not the focus");
    const [x, y] = await place_of(page);
    await press(page, "ArrowRight");
    await press(page, "Shift+ArrowUp");
    const [x2, y2] = await place_of(page);
    check(x2 > x && y - y2 > 4 * (x2 - x), `from ${x}, ${y} to ${x2}, ${y2}`);
    check(page.url() === url, "the arrow opened another image");
    await at(page, "crosshair-words").filter({ hasText: `${x2}, ${y2}` }).waitFor();
    const [scale, vx, vy] = await view_of(page);
    const seen = await seen_at(page);
    check(
      Math.abs(seen.x - (vx + x2 * scale)) < 2 && Math.abs(seen.y - (vy + y2 * scale)) < 2,
      "it is drawn elsewhere",
    );
  });
  await step("Enter begins a box and ends it, Enter again keeps it", async () => {
    const [x, y] = await place_of(page);
    await press(page, "Enter");
    await press(page, "Shift+ArrowRight", 3);
    await press(page, "Shift+ArrowDown", 2);
    const [x2, y2] = await place_of(page);
    await at(page, "crosshair").filter({ hasText: `box ${x2 - x} × ${y2 - y}` }).waitFor();
    await shot("45-keyboard-box");
    await press(page, "Enter");
    await until(() => painted(page, "preview-overlay"), "the preview shows no mask");
    await press(page, "Enter");
    await prompts_are(page, before + 1);
    const listed = await at(page, "prompt-item").last().textContent();
    check(listed.includes(`${x2 - x}×${y2 - y} · ${x}, ${y}`), `the list says ${listed}`);
    check(await drawing(page), "the focus is lost");
  });
  await step("zoomed in, it stays where it is, goes finer, and takes the view with it", async () => {
    const [x, y] = await place_of(page);
    const [scale] = await view_of(page);
    const a = await seen_at(page);
    await press(page, "+", 10);
    await until(async () => (await view_of(page))[0] > 5 * scale, "it is not zoomed in");
    const b = await seen_at(page);
    check(Math.hypot(a.x - b.x, a.y - b.y) < 2, "the place under it moved");
    await press(page, "ArrowLeft");
    check((await place_of(page))[0] === x - 1, "not by one pixel");
    const [, left] = await view_of(page);
    await press(page, "Space");
    await press(page, "Shift+ArrowLeft", 40);
    check((await view_of(page))[1] > left + 20, "the view did not follow");
    const c = await seen_at(page);
    check(c.x >= 0 && c.x <= c.inside.width, "it cannot be seen");
    await press(page, "Shift+ArrowUp", 6);
    const [x2, y2] = await place_of(page);
    await shot("46-keyboard-zoomed");
    await press(page, "Space");
    await press(page, "Space");
    await at(page, "preview-bar").waitFor();
    await press(page, "Enter");
    await prompts_are(page, before + 2);
    const listed = await at(page, "prompt-item").last().textContent();
    check(listed.includes(`${x - 1 - x2}×${y - y2} · ${x2}, ${y2}`), `the list says ${listed}`);
    await press(page, "f");
  });
  await step("Escape gives a begun box up, then the selection, then leaves the picture", async () => {
    await press(page, "ArrowDown");
    await press(page, "Enter");
    await press(page, "Shift+ArrowRight", 2);
    await press(page, "Escape");
    await at(page, "crosshair").filter({ hasText: "given up" }).waitFor();
    check(await drawing(page), "the focus left with the box");
    await press(page, "Escape");
    check((await page.locator(".prompts li.selected").count()) === 0, "the box stays selected");
    await press(page, "Escape");
    await at(page, "crosshair").waitFor({ state: "detached" });
    check(!(await drawing(page)), "the picture keeps the focus");
    check((await at(page, "preview-bar").count()) === 0, "a box was made");
  });
  await step("with Select, Enter takes the box under it", async () => {
    await press(page, "c");
    await press(page, "v");
    await press(page, "Enter");
    await page.locator(".prompts li.selected").waitFor();
  });
  await hold_steps({ page, step, shot });
  await step("Delete removes the box that is selected", async () => {
    await press(page, "Delete");
    await prompts_are(page, before + 1);
    await press(page, "Control+z");
    await prompts_are(page, before + 2);
    await press(page, "Control+z");
    await prompts_are(page, before + 1);
    await press(page, "Control+z");
    await prompts_are(page, before);
  });
  await step("points of both kinds are set, and one Enter keeps them", async () => {
    await press(page, "3");
    await press(page, "p");
    const points = await at(page, "prompt-item").count();
    await press(page, "Space");
    await press(page, "Shift+ArrowLeft", 4);
    await press(page, "n");
    await press(page, "Enter");
    const [x, y] = await place_of(page);
    await shot("47-keyboard-points");
    await press(page, "Enter");
    await prompts_are(page, points + 2);
    const listed = await at(page, "prompt-item").allTextContents();
    check(listed.at(-2).includes("Point +"), `the list says ${listed}`);
    check(listed.at(-1).includes("Point −") && listed.at(-1).includes(`${x}, ${y}`), listed.at(-1));
    await press(page, "Control+z", 1);
    await prompts_are(page, points + 1);
    await press(page, "Control+z", 1);
    await prompts_are(page, points);
  });
  await step("the next image opens with the crosshair, and so does the one before", async () => {
    check(await drawing(page), "the picture has lost the focus");
    const url = page.url();
    await press(page, "PageDown");
    await until(() => page.url() !== url, "the next image does not open");
    await on_screen(page, 0.5, 0.5);
    await until(() => drawing(page), "the crosshair stayed behind");
    await press(page, "PageUp");
    await until(() => page.url() === url, "the image does not come back");
    await on_screen(page, 0.5, 0.5);
    await until(() => drawing(page), "the crosshair stayed behind");
    await press(page, "1");
    await press(page, "Escape");
    check(!(await drawing(page)), "the picture keeps the focus");
    await at(page, "nav-gallery").focus();
    await press(page, "Enter");
    await at(page, "gallery-item").first().waitFor();
  });
}
