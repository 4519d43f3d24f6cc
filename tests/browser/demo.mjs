// The demo page of a live `serve --dev`: signs in, sees both signatures verified and which plugin set which claim; then
// the plugin's configuration is edited and the next token shows it.
//
//   AUTHLY_PASSWORD=… node demo.mjs ISSUER PLUGIN_TOML
import assert from "node:assert/strict";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { accessibility, layout, watch } from "./checks.mjs";
import { launch } from "./chromium.mjs";

const [issuer, toml] = process.argv.slice(2);
const password = process.env.AUTHLY_PASSWORD;
assert.ok(toml && password, "usage: AUTHLY_PASSWORD=… node demo.mjs ISSUER PLUGIN_TOML");

const browser = await launch();
try {
  const page = await (await browser.newContext()).newPage();
  const complaints = watch(page);
  await page.goto(`${issuer}/demo`);
  await page.waitForSelector("main[data-ready]");
  await page.click("#sign-in");
  await page.fill("input[name=username]", "demo");
  await page.fill("input[name=password]", password);
  await page.keyboard.press("Enter");
  await page.click("button[name=decision][value=allow]");
  await page.waitForSelector("#userinfo .claims");
  assert.equal(await page.locator(".fact.good", { hasText: "Signature verified" }).count(), 2);
  const text = await page.textContent("main");
  assert.match(text, /https:\/\/example\.com\/department/);
  assert.match(text, /attribute-claims/);
  assert.deepEqual([...complaints.splice(0), ...(await layout(page)), ...(await accessibility(page))], []);

  const edited = readFileSync(toml, "utf8").replaceAll("https://example.com/department", "https://example.com/unit");
  writeFileSync(`${toml}.next`, edited);
  renameSync(`${toml}.next`, toml);
  // The server notices by itself; the page asks until it has.
  const deadline = Date.now() + 20_000;
  while (!(await page.textContent("main")).includes("https://example.com/unit")) {
    assert.ok(Date.now() < deadline, "the next token has the change");
    await page.waitForFunction(() => !document.querySelector("#refresh").disabled);
    const answered = page.waitForResponse((response) => response.url().includes("/demo/origins"));
    await page.click("#refresh");
    await answered;
  }
  console.log("1 passed, 0 failed");
} finally {
  await browser.close();
}
