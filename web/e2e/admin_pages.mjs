// The administrator's pages in the browser. Steps whose routes the server lacks are named as skipped.
import {
  at,
  check,
  fits_width,
  open_browser,
  photo_file,
  until,
  watch_page,
} from "./browser.mjs";

const person = (n) => `person${String(n).padStart(2, "0")}@example.org`;
const row = (page, email) => page.locator(`[data-testid="user-row"][data-email="${email}"]`);

async function find(page, email) {
  await at(page, "user-search").fill(email);
  await row(page, email).waitFor();
}

/** In a dialog of its own above the list. */
async function manage(page, email) {
  await find(page, email);
  await row(page, email).getByRole("button").click();
  await at(page, "user-edit").waitFor();
}
const close = async (page) => {
  await page.keyboard.press("Escape");
  await at(page, "dialog").waitFor({ state: "detached" });
};

async function with_link(run, url, password, look) {
  const context = await open_browser();
  const page = await context.newPage();
  const problems = watch_page(page);
  await page.goto(url);
  await at(page, "link-form").waitFor();
  await look(page);
  await at(page, "password").fill(password);
  await at(page, "submit").click();
  await at(page, "sign-out").waitFor();
  check(problems.length === 0, problems.join("; "));
  // The address with the secret is not left in the bar.
  check(!page.url().includes("token"), `at ${page.url()}`);
  await context.close();
  const again = await open_browser();
  const second = await again.newPage();
  await second.goto(url);
  await at(second, "link-invalid").waitFor();
  await again.close();
}

const focused = (page) => page.evaluate(() => document.activeElement?.dataset?.testid ?? "");

async function user_steps({ page, step, shot }) {
  await step("a dialog takes the focus to its first field and gives it back", async () => {
    await at(page, "nav-users").click();
    await at(page, "user-new").focus();
    await page.keyboard.press("Enter");
    await at(page, "dialog").waitFor();
    check((await focused(page)) === "email", `the focus is on "${await focused(page)}"`);
    await close(page);
    check((await focused(page)) === "user-new", "the focus did not come back");
  });
  await step("users are made with a password, found by name, and listed in pages", async () => {
    await at(page, "user-row").first().waitFor();
    for (let n = 1; n <= 2; n += 1) {
      await at(page, "user-new").click();
      await at(page, "email").fill(person(n));
      await at(page, "dialog").getByTestId("display-name").fill(`Person ${n}`);
      const radio = page.getByLabel("with a password that I tell them");
      if ((await radio.count()) > 0) await radio.check();
      await at(page, "dialog").getByTestId("password").fill("a first password");
      if (n === 1) await shot("50-new-user");
      await at(page, "submit").click();
      await at(page, "dialog").waitFor({ state: "detached" });
    }
    await find(page, person(2));
    check((await at(page, "user-row").count()) === 1, "the search does not narrow the list");
    await at(page, "user-search").fill("nobody at all");
    await page.getByText("Nobody fits").waitFor();
    await at(page, "user-search").fill("");
  });
  await step("a second account with the same address is refused in words", async () => {
    await at(page, "user-new").click();
    await at(page, "email").fill(person(1));
    const radio = page.getByLabel("with a password that I tell them");
    if ((await radio.count()) > 0) await radio.check();
    await at(page, "dialog").getByTestId("password").fill("a first password");
    await at(page, "submit").click();
    check((await at(page, "form-error").textContent()).length > 5, "no sentence is shown");
    await close(page);
  });
  await step("limits, weight and role are changed and stay changed", async () => {
    await manage(page, person(1));
    await page.locator('input[name="max_images"]').fill("no number");
    check(await at(page, "user-save").isDisabled(), "a word passes for a number");
    await page.locator('input[name="max_images"]').fill("7");
    await page.locator('input[name="share_weight"]').fill("2.5");
    await shot("51-manage-user");
    await at(page, "user-save").click();
    await at(page, "toast").filter({ hasText: "Saved" }).waitFor();
    await close(page);
    await page.reload();
    await manage(page, person(1));
    check((await page.locator('input[name="max_images"]').inputValue()) === "7", "not kept");
    check((await page.locator('input[name="share_weight"]').inputValue()) === "2.5", "not kept");
    await close(page);
  });
  await step("a user is disabled and enabled", async () => {
    await manage(page, person(1));
    await at(page, "user-disable").click();
    await row(page, person(1)).getByText("disabled").waitFor();
    await at(page, "user-disable").filter({ hasText: "Enable" }).click();
    await row(page, person(1)).getByText("disabled").waitFor({ state: "detached" });
    await close(page);
  });
}

async function link_steps({ page, run, step_with, shot }) {
  const needed = ["POST /auth/links/inspect", "POST /auth/links/redeem", "GET /auth/sessions"];
  await step_with(
    needed,
    "an invite link is shown once and makes its owner signed in, one time",
    async () => {
      await at(page, "user-new").click();
      await at(page, "email").fill("invited@example.org");
      await at(page, "submit").click();
      const url = await at(page, "link-url").inputValue();
      await shot("52-invite");
      await close(page);
      await with_link(run, url, "my very own password", async (guest) => {
        const email = await at(guest, "link-email").inputValue();
        check(email === "invited@example.org", `for ${email}`);
        await at(guest, "display-name").fill("Invited Guest");
        await shot("53-invited", guest);
      });
      await page.reload();
      await find(page, "invited@example.org");
      await row(page, "invited@example.org").getByText("Invited Guest").waitFor();
    },
  );
  await step_with(
    ["POST /admin/users/{id}/link", ...needed],
    "a reset link gives a new password",
    async () => {
      await manage(page, "invited@example.org");
      await at(page, "user-link").click();
      const url = await at(page, "link-url").inputValue();
      await shot("54-reset-link");
      await close(page);
      await with_link(run, url, "another own password", (guest) => shot("55-reset", guest));
    },
  );
}

export async function admin_pages(all) {
  const { page, run, step, step_with, shot, who } = all;
  await user_steps(all);
  await link_steps(all);
  await step("deleting a user needs the name typed, and takes the user away", async () => {
    await manage(page, person(2));
    await at(page, "user-delete").click();
    await at(page, "user-delete-words").fill("person02");
    check(await at(page, "user-delete-confirm").isDisabled(), "half a name is enough");
    await at(page, "user-delete-words").fill(person(2));
    await shot("56-delete-user");
    await at(page, "user-delete-confirm").click();
    await at(page, "dialog").waitFor({ state: "detached" });
    await page.reload();
    await at(page, "user-row").first().waitFor();
    check((await row(page, person(2)).count()) === 0, "the user is still there");
    await shot("57-users");
  });
  await step("the queue by user is shown", async () => {
    await at(page, "admin-tab-queue").click();
    await until(
      async () =>
        (await at(page, "queue-row").count()) > 0 || (await page.getByText("Nobody waits").count()),
      "neither somebody nor nobody waits",
    );
    await shot("58-queue");
  });
  await step("a device is taken out of use and used again", async () => {
    await at(page, "admin-tab-devices").click();
    const first = at(page, "device-row").first();
    await first.waitFor();
    const last_one = (await at(page, "device-row").count()) === 1;
    await first.getByTestId("device-drain").click();
    if (last_one) await at(page, "dialog-confirm").click();
    const draining = (v) =>
      page.locator(`[data-testid="device-row"][data-draining="${v}"]`).first().waitFor();
    await draining(true);
    await shot("59-devices");
    await first.getByTestId("device-drain").click();
    await until(
      async () => (await first.getAttribute("data-draining")) === "false",
      "it is not used again",
    );
  });
  await step_with(["GET /admin/audit"], "the audit log is read, filtered and paged", async () => {
    await at(page, "admin-tab-audit").click();
    await at(page, "audit-row").first().waitFor();
    await shot("60-audit");
    await at(page, "audit-action").selectOption("sign_in");
    const only = (action) => async () => {
      const kinds = await at(page, "audit-row").evaluateAll((all_rows) =>
        all_rows.map((r) => r.dataset.action),
      );
      return kinds.length > 0 && kinds.every((k) => k === action);
    };
    await until(only("sign_in"), "the filter lets other actions through");
    const texts = await at(page, "audit-row").allTextContents();
    const sentence = `${who.email} signed in`;
    check(texts.some((t) => t.includes(sentence)), `no "${sentence}" in ${texts.join(" | ")}`);
    await at(page, "audit-user").selectOption({ label: person(1) });
    await page.getByText("Nothing fits").waitFor();
    await at(page, "audit-action").selectOption("user_changed");
    await until(only("user_changed"), "the change of the user is not in the log");
    await shot("61-audit-filtered");
  });
  await step("the pages fit a tablet, in the dark too", async () => {
    await page.setViewportSize({ width: 768, height: 1024 });
    await page.emulateMedia({ colorScheme: "dark" });
    const names = ["users", "queue", "devices", "audit"];
    for (const name of names) {
      await at(page, `admin-tab-${name}`).click();
      await page.waitForLoadState("networkidle").catch(() => {});
      await fits_width(page, `/${name}`);
      await shot(`62-tablet-${name}`);
      await page.setViewportSize({ width: 390, height: 780 });
      await fits_width(page, `/${name} on a telephone`);
      await page.setViewportSize({ width: 768, height: 1024 });
    }
    await at(page, "nav-account").click();
    await at(page, "key-form").waitFor();
    await fits_width(page, "/account");
    await shot("62-tablet-account");
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 1280, height: 820 });
  });
  await step("somebody without the role does not see them", async () => {
    const context = await open_browser();
    const other = await context.newPage();
    await other.goto(`${run.base}/users`);
    await at(other, "email").fill(person(1));
    await at(other, "password").fill("a first password");
    await at(other, "submit").click();
    await other.getByText("Only administrators see this page").waitFor();
    check((await at(other, "nav-users").count()) === 0, "the navigation offers it");
    await context.close();
  });
  await step("beyond one's limit no file is sent for nothing, until there is room", async () => {
    const context = await open_browser();
    const other = await context.newPage();
    let sent = 0;
    other.on("request", (r) => {
      if (r.method() === "POST" && r.url().endsWith("/images")) sent += 1;
    });
    await other.goto(run.base);
    await at(other, "email").fill(person(1));
    await at(other, "password").fill("a first password");
    await at(other, "submit").click();
    await at(other, "gallery-empty").waitFor();
    const files = Array.from({ length: 30 }, (_, i) =>
      photo_file(run.photos[0], { name: `${i}.jpg`, mark: i }),
    );
    await at(other, "upload-input").setInputFiles(files);
    // The limit was set to 7 above.
    await at(other, "uploads").filter({ hasText: "7 images uploaded, 23 failed" }).waitFor();
    check(sent <= 7 + 3, `${sent} files were sent`);
    await shot("63-limit-reached", other);
    await at(other, "gallery-delete").first().focus();
    await other.keyboard.press("Enter");
    await at(other, "dialog-confirm").click();
    await until(async () => (await at(other, "gallery-item").count()) === 6, "it is still there");
    await at(other, "uploads-retry").click();
    await at(other, "uploads").filter({ hasText: "8 images uploaded, 22 failed" }).waitFor();
    await context.close();
  });
}
