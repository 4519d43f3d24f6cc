// What every page must pass in every state: accessibility by axe-core, and a few rules of our own.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Collects what the browser complains about while a page loads: refused resources, script errors. */
export function watch(page) {
  const complaints = [];
  page.on("console", (message) => {
    // The status of an error page is its own; that of its favicon or stylesheet would be reported by `requestfailed`.
    if (message.type() === "error" && !message.text().includes("the server responded with a status of")) {
      complaints.push(message.text());
    }
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("requestfailed", (request) => complaints.push(`${request.url()} failed`));
  return complaints;
}

/** Violations that axe finds, one line each. */
export async function accessibility(page) {
  await page.waitForLoadState();
  // Playwright evaluates outside the page's Content-Security-Policy.
  await page.evaluate(axe);
  const { violations } = await page.evaluate((rules) => globalThis.axe.run({ runOnly: rules }), RULES);
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.target.join(" ")}`),
  );
}

/** Nothing scrolls sideways, and what is pressed is large enough. */
export async function layout(page) {
  // A selector is there before the stylesheet is: what has none yet is laid out otherwise.
  await page.waitForLoadState();
  return page.evaluate(() => {
    const found = [];
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth > clientWidth) found.push(`scrolls sideways: ${scrollWidth} > ${clientWidth}`);
    for (const control of document.querySelectorAll("button, input:not([type=hidden], [type=checkbox]), summary, .button")) {
      const { width, height } = control.getBoundingClientRect();
      if (width > 0 && (height < 43.5 || width < 43.5)) {
        found.push(`too small: ${control.outerHTML.slice(0, 80)} is ${Math.round(width)}x${Math.round(height)}`);
      }
    }
    return found;
  });
}

/** Every control that can be reached by keyboard shows that it has the focus. */
export async function focusIsVisible(page) {
  const found = [];
  await page.evaluate(() => document.activeElement?.blur());
  for (let step = 0; step < 40; step += 1) {
    await page.keyboard.press("Tab");
    const focus = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      const style = getComputedStyle(element);
      const first = element.dataset.walked === "true";
      element.dataset.walked = "true";
      return { first, html: element.outerHTML.slice(0, 80), outline: style.outlineStyle, width: parseFloat(style.outlineWidth) };
    });
    if (!focus || focus.first) break;
    if (focus.outline === "none" || focus.width < 2) found.push(`no visible focus: ${focus.html}`);
  }
  return found;
}
