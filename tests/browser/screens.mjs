// Pictures of every page in every state, into target/screens, and the checks of checks.mjs on each.
//   node tests/browser/screens.mjs [PREFIX...]    only the pages whose names begin so
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { accessibility, focusIsVisible, layout, watch } from "./checks.mjs";
import { launch } from "./chromium.mjs";
import { serve } from "./server.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const screens = join(root, "target/screens");

const VARIANTS = {
  light: { viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  dark: { viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
  phone: { viewport: { width: 320, height: 640 }, colorScheme: "light", deviceScaleFactor: 2 },
  // 1280x800 at 200 % zoom.
  zoomed: { viewport: { width: 640, height: 400 }, colorScheme: "dark", deviceScaleFactor: 2 },
};

const prefixes = process.argv.slice(2);
const isWanted = (name) => prefixes.length === 0 || prefixes.some((prefix) => name.startsWith(prefix));

const problems = [];
const report = (where, found) => problems.push(...found.map((line) => `${where}: ${line}`));

/** The whole page, in a window as high as it: what sticks to the window's edge hides nothing then. */
async function picture(page, path, variant) {
  const { viewport } = VARIANTS[variant];
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  if (variant !== "zoomed") await page.setViewportSize({ ...viewport, height: Math.max(height, viewport.height) });
  await screenshot(page, path);
  await page.setViewportSize(viewport);
}

/** Chromium sometimes gives up on a picture where every processor is busy: the page is not at fault, so it may try again. */
async function screenshot(page, path, attempts = 3) {
  try {
    await page.screenshot({ path });
  } catch (error) {
    if (attempts <= 1) throw error;
    console.error(`another attempt at ${path}: ${error.message.split("\n")[0]}`);
    await screenshot(page, path, attempts - 1);
  }
}

/** Takes a picture of the page as it stands, and checks it. */
async function look(page, name, variant, complaints) {
  await picture(page, join(screens, `${name}.${variant}.png`), variant);
  const where = `${name} (${variant})`;
  report(where, complaints.splice(0));
  report(where, await layout(page));
  report(where, await accessibility(page));
  if (variant === "light") report(where, await focusIsVisible(page));
}

/** The demo page, which lives: signed out, signed in, after a plugin changed, and refused. */
async function demo(context, site, variant) {
  Object.assign(site.demo.state, { generation: 1, department: "research", fail: false });
  const page = await context.newPage();
  const complaints = watch(page);
  const ready = () => page.waitForSelector("main[data-ready]");
  await page.goto(`${site.origin}/demo`);
  await ready();
  await look(page, "demo-start", variant, complaints);
  await page.click("#sign-in");
  await page.waitForSelector("#userinfo .claims");
  await page.waitForFunction(() => !document.querySelector("#refresh").disabled);
  await look(page, "demo-signed-in", variant, complaints);
  const verified = await page.locator(".fact.good", { hasText: "Signature verified" }).count();
  if (verified !== 2) report(`demo (${variant})`, [`${verified} of 2 signatures verified`]);

  Object.assign(site.demo.state, { generation: 2, department: "engineering" });
  await page.click("#refresh");
  await page.waitForSelector("#userinfo .gone");
  await page.waitForFunction(() => !document.querySelector("#refresh").disabled);
  await look(page, "demo-refreshed", variant, complaints);

  site.demo.state.fail = true;
  await page.click("#refresh");
  await page.waitForSelector("#problem:not([hidden])");
  await look(page, "demo-refused", variant, complaints);
  await page.close();
}

async function everyState(browser, variant) {
  const site = await serve(join(screens, "html"));
  const context = await browser.newContext({ ...VARIANTS[variant], reducedMotion: "reduce" });
  const page = await context.newPage();
  const complaints = watch(page);
  // A page that sends its form at once stands still for its picture: it is what people without scripts see.
  await page.route("**/submit.js", (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
  for (const name of site.pages.filter((name) => !name.startsWith("demo.") && isWanted(name))) {
    await page.goto(`${site.origin}/${name}`, { waitUntil: "load" });
    await look(page, name, variant, complaints);
  }
  if (isWanted("demo")) await demo(context, site, variant);
  await context.close();
  site.close();
  return site.pages.filter(isWanted).length;
}

mkdirSync(screens, { recursive: true });
const html = join(screens, "html");
execFileSync("cargo", ["run", "--quiet", "--locked", "-p", "authly", "--example", "screens", "--", html], { cwd: root, stdio: "inherit" });
const browser = await launch();
try {
  const [pages] = await Promise.all(Object.keys(VARIANTS).map((variant) => everyState(browser, variant)));
  console.log(`${pages} pages in ${Object.keys(VARIANTS).length} variants: ${screens}`);
} finally {
  await browser.close();
}
if (problems.length > 0) {
  console.error(problems.join("\n"));
  console.error(`${problems.length} problems`);
  process.exitCode = 1;
}
