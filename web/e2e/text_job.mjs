// Text prompts in a real browser, against a server whose model reads text: offered, kept, and
// answered with masks. See browser.mjs for what it needs.
import { join } from "node:path";
import {
  at,
  check,
  fill_in,
  on_screen,
  open_browser,
  process_and_see,
  read_arguments,
  step_counter,
  stopped,
  until,
  watch_page,
} from "./browser.mjs";

const run = read_arguments();
const count = new step_counter();
const context = await open_browser();
const page = await context.newPage();
const problems = watch_page(page);
const shot = (name) => page.screenshot({ path: join(run.out, `${name}.png`) });

try {
  await count.step("an administrator, and an image", async () => {
    await page.goto(run.setup);
    await fill_in(page, "setup-form", {
      email: "text@example.org",
      password: "a long enough password",
    });
    await at(page, "submit").click();
    await at(page, "upload-input").setInputFiles(run.photos.slice(0, 1));
    await at(page, "gallery-item").first().getByRole("link").click();
    await on_screen(page, 0.5, 0.5);
  });
  await count.step("the text is offered, and kept over a reload", async () => {
    await at(page, "mode-find_all").click();
    check(!(await at(page, "text-prompt").isDisabled()), "the text can't be typed");
    check((await at(page, "text-reason").count()) === 0, "a reason against text is shown");
    check(await at(page, "process").isDisabled(), "Process can be pressed without a prompt");
    await at(page, "text-prompt").fill("red disc; cat");
    await at(page, "text-prompt").press("Enter");
    await until(() => at(page, "process").isEnabled(), "Process stays off with a text");
    await page.reload();
    await at(page, "mode-find_all").click();
    await until(
      async () => (await at(page, "text-prompt").inputValue()) === "red disc; cat",
      "the text was not kept",
    );
  });
  await count.step("Process: masks appear", async () => {
    await process_and_see(page);
    await shot("20-annotate-text");
  });
  await count.step("no script error and no violation of the content policy", async () => {
    check(problems.length === 0, problems.join("; "));
  });
} catch (e) {
  if (!(e instanceof stopped)) throw e;
  await shot("failure-text").catch(() => {});
} finally {
  await context.close();
}
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exit(count.failed === 0 ? 0 : 1);
