// A person signs in with Debian's Chromium at a live server: a wrong password, the right one, consent, and back at the
// client. The client's address is answered by the test, so that nothing leaves this machine.
//
//   AUTHLY_PASSWORD=… node flow.mjs AUTHORIZATION_URL REDIRECT_URI USERNAME
//
// Prints the address the client was called back at.
import assert from "node:assert/strict";
import { accessibility, layout, watch } from "./checks.mjs";
import { launch } from "./chromium.mjs";

const [authorizationUrl, redirectUri, username] = process.argv.slice(2);
const password = process.env.AUTHLY_PASSWORD;
assert.ok(username && password, "usage: AUTHLY_PASSWORD=… node flow.mjs AUTHORIZATION_URL REDIRECT_URI USERNAME");

/** The page as it stands passes what every page must pass. */
async function sound(page, complaints) {
  assert.deepEqual([...complaints.splice(0), ...(await layout(page)), ...(await accessibility(page))], []);
}

const browser = await launch();
try {
  // Without script: sign-in and consent must not need any.
  const context = await browser.newContext({ javaScriptEnabled: process.env.AUTHLY_SCRIPT !== "off" });
  const page = await context.newPage();
  await page.route(`${new URL(redirectUri).origin}/**`, (route) =>
    route.fulfill({ contentType: "text/html", body: "<title>client</title>the client" }),
  );
  const complaints = watch(page);
  const checks = process.env.AUTHLY_SCRIPT !== "off";

  await page.goto(authorizationUrl);
  if (checks) await sound(page, complaints);
  await page.fill("input[name=username]", username);
  await page.fill("input[name=password]", "not the password");
  await page.click("button[type=submit]:has-text('Sign in')");
  await page.waitForSelector("[role=alert]");
  assert.match(await page.textContent("[role=alert]"), /don’t match/);
  assert.equal(await page.inputValue("input[name=username]"), username, "what was typed is kept");
  assert.equal(await page.inputValue("input[name=password]"), "", "but never the password");
  if (checks) await sound(page, complaints);

  await page.fill("input[name=password]", password);
  await page.keyboard.press("Enter");
  await page.waitForSelector("button[name=decision][value=allow]");
  if (checks) await sound(page, complaints);
  await page.click("button[name=decision][value=allow]");
  await page.waitForURL(`${redirectUri}?**`);
  console.log(page.url());
} finally {
  await browser.close();
}
