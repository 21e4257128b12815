// What the browser tests share: arguments, the browser, counted steps, and ways to look at a page.
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const chromium_args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function read_arguments() {
  const { values } = parseArgs({
    options: {
      base: { type: "string" },
      "setup-url": { type: "string" },
      photos: { type: "string" },
      out: { type: "string" },
    },
  });
  for (const name of ["base", "setup-url", "photos", "out"]) {
    if (!values[name]) {
      console.error("main_job.mjs --base URL --setup-url URL --photos DIR --out DIR");
      process.exit(2);
    }
  }
  mkdirSync(values.out, { recursive: true });
  const photos = readdirSync(values.photos)
    .filter((f) => /\.(jpe?g|png)$/i.test(f))
    .sort()
    .slice(0, 4)
    .map((f) => join(values.photos, f));
  if (photos.length < 3) {
    console.error("--photos needs a folder with at least 3 JPEG or PNG files");
    process.exit(2);
  }
  return {
    base: values.base.replace(/\/$/, ""),
    setup: values["setup-url"],
    photos,
    out: values.out,
  };
}

/** A browser with an empty profile of its own. */
export async function open_browser() {
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: chromium_args,
  });
  const context = await browser.newContext({
    viewport: { width: 1280, height: 820 },
    acceptDownloads: true,
  });
  // Far more than a page needs: a busy machine must not fail a step.
  context.setDefaultTimeout(60_000);
  context.on("close", () => void browser.close());
  return context;
}

export class step_counter {
  passed = 0;
  failed = 0;
  skipped = 0;
  /** A step for a route that this server does not have: said aloud, never quietly left out. */
  async step_with(routes, needed, name, action) {
    const lacking = needed.filter((n) => !routes.has(n));
    if (lacking.length === 0) return this.step(name, action);
    this.skipped += 1;
    console.log(`SKIP  ${name}: this server has no ${lacking.join(", no ")}`);
  }
  /** Runs one step; the first failure ends the run. */
  async step(name, action) {
    try {
      await action();
      this.passed += 1;
      console.log(`ok    ${name}`);
    } catch (e) {
      this.failed += 1;
      console.log(
        `FAIL  ${name}\n      ${String(e.stack ?? e)
          .split("\n")
          .slice(0, 6)
          .join("\n      ")}`,
      );
      throw new stopped();
    }
  }
}
export class stopped extends Error {}

export function check(condition, sentence) {
  if (!condition) throw new Error(sentence);
}

/** Everything that should never happen on a page: script errors and content-policy violations. */
export function watch_page(page) {
  const problems = [];
  page.on("pageerror", (e) => problems.push(`script error: ${e.message}`));
  page.on("console", (m) => {
    if (/Content Security Policy/i.test(m.text())) problems.push(m.text());
  });
  return problems;
}

export const at = (page, id) => page.getByTestId(id);

/** Where a point of the image (as fractions of its size) is on the screen. */
export async function on_screen(page, fx, fy) {
  const canvas = at(page, "canvas");
  await page.waitForFunction(() => {
    const photo = document.querySelector(".canvas .photo");
    return photo?.complete && photo.naturalWidth > 0;
  });
  const frame = await canvas.boundingBox();
  const [scale, x, y, width, height] = await canvas.evaluate((e) => {
    const photo = e.querySelector(".photo");
    return [
      ...[e.dataset.scale, e.dataset.x, e.dataset.y].map(Number),
      parseFloat(photo.style.width),
      parseFloat(photo.style.height),
    ];
  });
  return { x: frame.x + x + fx * width * scale, y: frame.y + y + fy * height * scale };
}

/** The routes that the server itself says it has: "GET /auth/me", … */
export async function routes_of(base) {
  const answer = await fetch(`${base}/api/v1/openapi.json`);
  check(answer.ok, `the OpenAPI document answers ${answer.status}`);
  const { paths } = await answer.json();
  return new Set(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((m) => `${m.toUpperCase()} ${path.replace("/api/v1", "")}`),
    ),
  );
}

/** Keeps what the preview shows, as everybody does after looking at it. */
export async function keep(page) {
  await at(page, "preview-keep").click();
  await at(page, "preview-bar").waitFor({ state: "detached" });
}

export async function drag(page, from, to) {
  const a = await on_screen(page, ...from);
  const b = await on_screen(page, ...to);
  await page.mouse.move(a.x, a.y);
  await page.mouse.down();
  await page.mouse.move((a.x + b.x) / 2, (a.y + b.y) / 2, { steps: 4 });
  await page.mouse.move(b.x, b.y, { steps: 4 });
  await page.mouse.up();
}

/** How many pixels of the mask overlay are painted. */
export function painted(page, overlay = "overlay") {
  return at(page, overlay).evaluate((c) => {
    if (c.width === 0 || c.height === 0) return 0;
    const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
    let n = 0;
    for (let i = 3; i < data.length; i += 4) if (data[i] > 0) n += 1;
    return n;
  });
}

export async function until(question, sentence, within_ms = 60_000) {
  const end = Date.now() + within_ms;
  for (;;) {
    const answer = await question();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`${sentence} (waited ${within_ms / 1000} s)`);
    await new Promise((r) => setTimeout(r, 150));
  }
}

/** The page is as wide as its window: nothing is cut off or has to be scrolled sideways. */
export async function fits_width(page, where) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(wide <= 0, `${where} is ${wide} px too wide`);
}

/** What a page owes to those who do not see or point: a landmark, names, and targets large enough. */
export async function accessible(page, where) {
  const problems = await page.evaluate(() => {
    const seen = (e) => e.checkVisibility() && e.getBoundingClientRect().width > 2;
    const mains = [...document.querySelectorAll("main")].filter(seen).length;
    const found = mains === 1 ? [] : [`${mains} main parts`];
    for (const th of document.querySelectorAll("th")) {
      if (th.textContent.trim() === "") found.push("a column without a name");
    }
    for (const e of document.querySelectorAll("a, button, input, select, textarea, summary")) {
      if (!seen(e)) continue;
      const label = [...(e.labels ?? [])].map((l) => l.textContent).join(" ");
      const name = e.getAttribute("aria-label") ?? `${e.textContent}${label}`;
      if (name.trim() === "") found.push(`no name: ${e.outerHTML.slice(0, 80)}`);
      const { width, height } = e.getBoundingClientRect();
      const alone = label === "" && getComputedStyle(e).display !== "inline";
      if (alone && Math.min(width, height) < 24) found.push(`${name}: ${width} × ${height} px`);
    }
    return found;
  });
  check(problems.length === 0, `${where}: ${problems.slice(0, 5).join("; ")}`);
}

export const result_shown = (page) => at(page, "overlay").getAttribute("data-result-id");

/** Address and password into a form that asks for them. */
export async function fill_in(page, form, who) {
  await at(page, form).waitFor();
  await at(page, "email").fill(who.email);
  await at(page, "password").fill(who.password);
}

/** Presses Process and waits for another result with its mask. */
export async function process_and_see(page) {
  const before = await result_shown(page);
  await at(page, "process").click();
  await until(async () => {
    const id = await result_shown(page);
    return id !== "" && id !== before;
  }, "the result never appeared by itself");
  const pixels = await until(() => painted(page), "the overlay has no painted pixel");
  check(pixels > 20, `only ${pixels} pixels of mask`);
}

/** A photograph as its file; with `mark`, other bytes of the same picture (behind the JPEG's end). */
export function photo_file(path, { name = basename(path), mark = null } = {}) {
  const bytes = readFileSync(path);
  const buffer = mark === null ? bytes : Buffer.concat([bytes, Buffer.from([mark])]);
  return { name, mimeType: "image/jpeg", buffer };
}

/** Drops a file on the page, as from a file manager; `seen` looks while it is still held over it. */
export async function drop_file(page, { name, buffer }, seen = async () => {}) {
  const data = await page.evaluateHandle(
    ([file_name, base64]) => {
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], file_name));
      return transfer;
    },
    [name, buffer.toString("base64")],
  );
  await page.dispatchEvent("body", "dragenter", { dataTransfer: data });
  await seen();
  await page.dispatchEvent("body", "drop", { dataTransfer: data });
}

/** In the page, but not by its own ways: as a script with the same account would. The image's id. */
export function upload_aside(page, { name, buffer }) {
  return page.evaluate(
    async ([file_name, base64]) => {
      const { csrf_token } = await (await fetch("/api/v1/auth/me")).json();
      const form = new FormData();
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      form.append("file", new File([bytes], file_name));
      const headers = { "X-CSRF-Token": csrf_token };
      const answer = await fetch("/api/v1/images", { method: "POST", headers, body: form });
      return (await answer.json()).id;
    },
    [name, buffer.toString("base64")],
  );
}

/** Likewise. */
export async function delete_aside(page, id) {
  await page.evaluate(async (image_id) => {
    const { csrf_token } = await (await fetch("/api/v1/auth/me")).json();
    const headers = { "X-CSRF-Token": csrf_token };
    await fetch(`/api/v1/images/${image_id}`, { method: "DELETE", headers });
  }, id);
}
