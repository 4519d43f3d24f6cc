// Serves what `cargo run -p authly --example screens` wrote, with each page's own Content-Security-Policy, and plays
// the rest of the server for the demo page.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { demoServer } from "./demo-server.mjs";

/** The issuer that the sample of the demo page names, as templates escape it. */
const SAMPLE_ISSUER = "http:&#x2f;&#x2f;localhost:8000";

/** Starts serving a directory; `origin` is where, `pages` what, `demo` steers the demo's answers. */
export async function serve(directory) {
  const index = JSON.parse(readFileSync(join(directory, "index.json"), "utf8"));
  const pages = new Map(index.pages.map((page) => [page.name, page]));
  const assets = new Map(index.assets.map((asset) => [asset.name, asset.type]));
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://localhost:${server.address().port}`;
  const demo = demoServer(origin);

  const page = (name) => {
    const found = pages.get(name);
    if (!found) return null;
    let html = readFileSync(join(directory, `${name}.html`), "utf8");
    // No language that is shipped is written from right to left yet; these samples stand for one.
    if (name.includes("-rtl.")) html = html.replace('dir="ltr"', 'dir="rtl"');
    if (name.startsWith("demo.")) html = html.replaceAll(SAMPLE_ISSUER, origin);
    const headers = { "content-type": "text/html; charset=utf-8", "content-security-policy": found.csp };
    return { status: found.status, headers, body: html };
  };
  const asset = (name) => {
    if (!assets.has(name)) return null;
    return { status: 200, headers: { "content-type": assets.get(name) }, body: readFileSync(join(directory, name)) };
  };
  server.on("request", async (request, response) => {
    const url = new URL(request.url, origin);
    const body = (await request.toArray()).join("");
    const answer = url.pathname.startsWith("/assets/")
      ? asset(url.pathname.split("/").pop())
      : url.pathname === "/demo" || url.pathname === "/demo/callback"
        ? page("demo.en")
        : (await demo.answer(url, body)) ?? page(url.pathname.slice(1));
    const { status, headers, body: content } = answer ?? { status: 404, headers: {}, body: "" };
    response.writeHead(status, headers).end(content);
  });
  return { origin, pages: [...pages.keys()], demo, close: () => server.close() };
}
