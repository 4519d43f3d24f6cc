// A person signs in with Debian's Chromium for a client that asked to be answered by form. The client is a server of the
// test's own, whose callback leads on to another origin, as many do.
//
//   AUTHLY_PASSWORD=… node form_post.mjs AUTHORIZATION_URL USERNAME
//
// Prints where the answer was posted and the form, as JSON.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { watch } from "./checks.mjs";
import { launch } from "./chromium.mjs";

const [authorizationUrl, username] = process.argv.slice(2);
const password = process.env.AUTHLY_PASSWORD;
assert.ok(username && password, "usage: AUTHLY_PASSWORD=… node form_post.mjs AUTHORIZATION_URL USERNAME");
const script = process.env.AUTHLY_SCRIPT !== "off";

/** A server on a port of its own, and its address. */
async function serve(answer) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  return [server, `http://127.0.0.1:${server.address().port}`];
}

const posted = [];
const [app, appUrl] = await serve((_, response) => {
  response.writeHead(200, { "content-type": "text/html" });
  response.end("<!doctype html><title>app</title>");
});
const [client, clientUrl] = await serve(async (request, response) => {
  posted.push({ method: request.method, origin: request.headers.origin, body: await text(request) });
  response.writeHead(303, { location: `${appUrl}/home` });
  response.end();
});
const url = new URL(authorizationUrl);
url.searchParams.set("redirect_uri", `${clientUrl}/cb`);

const browser = await launch();
try {
  const context = await browser.newContext({ javaScriptEnabled: script });
  const page = await context.newPage();
  const complaints = watch(page);
  await page.goto(url.href);
  await page.fill("input[name=username]", username);
  await page.fill("input[name=password]", password);
  await page.keyboard.press("Enter");
  await page.click("button[name=decision][value=allow]");
  // Without script the page stays, and its button sends the form.
  if (!script) await page.click("button:has-text('Continue')");
  await page.waitForURL(`${appUrl}/home`);
  assert.deepEqual(complaints, []);
  assert.equal(posted.length, 1, "the form is sent once");
  assert.equal(posted[0].method, "POST");
  assert.equal(posted[0].origin, url.origin, "the client may check who sends it");
  console.log(JSON.stringify({ redirect_uri: `${clientUrl}/cb`, fields: Object.fromEntries(new URLSearchParams(posted[0].body)) }));
} finally {
  await browser.close();
  client.close();
  app.close();
}
