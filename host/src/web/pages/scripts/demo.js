// An OAuth client in one file: authorization code with PKCE (RFC 7636), signature checks, UserInfo, refresh.
// For learning: it keeps its tokens in sessionStorage so that a reload does not lose them. Yours should not.
"use strict";

const page = document.getElementById("content");
const { issuer, client, redirect, scope } = page.dataset;
const TOKENS = "authly-demo-tokens";
const REQUEST = "authly-demo-request";
// Claims that differ in every token: a change of these teaches nothing.
const RESTLESS = new Set(["exp", "iat", "nbf", "jti", "auth_time", "nonce", "at_hash"]);
const MEANING = {
  iss: "Who issued it",
  sub: "The person, as this issuer names them",
  aud: "Whom it is for",
  exp: "Not valid after",
  iat: "Issued at",
  nbf: "Not valid before",
  jti: "The token’s own id",
  auth_time: "When the person signed in",
  nonce: "Ties it to this page’s request",
  at_hash: "Ties it to the access token",
  sid: "The browser session",
  amr: "How the person signed in",
  acr: "How sure the sign-in is",
  azp: "The client it was issued to",
  client_id: "The client it was issued to",
  scope: "What the person allowed",
};
const TIMES = new Set(["exp", "iat", "nbf", "auth_time", "updated_at"]);

const byId = (id) => document.getElementById(id);
let metadata;
let tokens;
let keys = [];

// --- small tools

/** Makes an element; text is always set as text. */
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const toBase64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const fromBase64url = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
const random = () => toBase64url(crypto.getRandomValues(new Uint8Array(32)));
const utf8 = (text) => new TextEncoder().encode(text);
const parseJson = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

function say(text) {
  byId("status").textContent = text;
}

function fail(title, text) {
  const box = byId("problem");
  box.querySelector("strong").textContent = title;
  box.querySelector("span").textContent = text;
  box.hidden = false;
}

/** A request that the log shows, with its id: the server's own log has the same. */
async function send(what, url, options) {
  const started = performance.now();
  const response = await fetch(url, { cache: "no-store", ...options });
  const body = await response.json().catch(() => null);
  const id = response.headers.get("x-correlation-id") ?? "";
  const path = new URL(url).pathname;
  const line = el(
    "li",
    {},
    el("code", {}, `${options?.method ?? "GET"} ${path}`),
    el("span", { class: response.ok ? "fact good" : "fact bad" }, String(response.status)),
    el("small", {}, `${what} · ${Math.round(performance.now() - started)} ms · ${id}`),
  );
  document.querySelector(".requests").prepend(line);
  if (!response.ok) {
    const reason = body?.error_description ?? body?.error ?? "The answer was not JSON.";
    throw new Error(`${what}: ${response.status} ${body?.error ?? ""}. ${reason}`);
  }
  return { body, id };
}

// --- the flow

/** Steps 1 and 2: remember what only this page knows, and send the browser to the authorization endpoint. */
async function signIn() {
  const request = { verifier: random(), state: random(), nonce: random() };
  sessionStorage.setItem(REQUEST, JSON.stringify(request));
  const challenge = toBase64url(await crypto.subtle.digest("SHA-256", utf8(request.verifier)));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: client,
    redirect_uri: redirect,
    scope,
    state: request.state,
    nonce: request.nonce,
    code_challenge: challenge,
    code_challenge_method: "S256",
  });
  if (byId("again").checked) query.set("prompt", "login consent");
  location.assign(`${metadata.authorization_endpoint}?${query}`);
}

/** Step 3: the answer is believed only if it is to our request (state) and from our issuer (RFC 9207). */
async function exchange(answer) {
  const request = JSON.parse(sessionStorage.getItem(REQUEST) ?? "{}");
  sessionStorage.removeItem(REQUEST);
  history.replaceState(null, "", `${issuer}/demo`);
  if (!request.state || answer.get("state") !== request.state) {
    throw new Error("The answer does not belong to a request of this page. Start over.");
  }
  if (answer.has("iss") && answer.get("iss") !== issuer) throw new Error("The answer is from another issuer.");
  if (answer.has("error")) throw new Error(`${answer.get("error")}. ${answer.get("error_description") ?? ""}`);
  await requestTokens("Code for tokens", {
    grant_type: "authorization_code",
    code: answer.get("code"),
    redirect_uri: redirect,
    code_verifier: request.verifier,
  });
  tokens.nonce = request.nonce;
}

async function requestTokens(what, fields) {
  const { body, id } = await send(what, metadata.token_endpoint, {
    method: "POST",
    body: new URLSearchParams({ client_id: client, ...fields }),
  });
  const origins = await send("Which plugin set what", `${issuer}/demo/origins?request_id=${encodeURIComponent(id)}`);
  tokens = { refresh_token: tokens?.refresh_token, nonce: tokens?.nonce, seen: tokens?.seen ?? {}, ...body };
  tokens.origins = origins.body;
}

async function askUserinfo() {
  const { body, id } = await send("UserInfo", metadata.userinfo_endpoint, {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  });
  const origins = await send("Which plugin set what", `${issuer}/demo/origins?request_id=${encodeURIComponent(id)}`);
  // The scope "profile" puts names here, not into the ID token (OIDC Core §5.4).
  byId("who").textContent = `Signed in as ${body.name ?? body.preferred_username ?? body.sub}`;
  showClaims(byId("userinfo"), "userinfo", body, origins.body, []);
}

// --- looking inside

const ALGORITHMS = {
  RS256: [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, { name: "RSASSA-PKCS1-v1_5" }],
  PS256: [{ name: "RSA-PSS", hash: "SHA-256" }, { name: "RSA-PSS", saltLength: 32 }],
  ES256: [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }],
  EdDSA: [{ name: "Ed25519" }, { name: "Ed25519" }],
};

/** The key a token names. The set is asked for again only when it does not hold the key: keys change rarely. */
async function keyOf({ kid, alg }) {
  const known = () => keys.find((key) => key.kid === kid && key.alg === alg);
  if (!known()) keys = (await send("Keys", metadata.jwks_uri)).body.keys;
  return known();
}

/** Whether the token's signature is by a key of the issuer; null when this browser cannot tell. */
async function verify(token, header) {
  const algorithm = ALGORITHMS[header.alg];
  if (!algorithm) return null;
  const jwk = await keyOf(header);
  if (!jwk) return false;
  const end = token.lastIndexOf(".");
  try {
    const key = await crypto.subtle.importKey("jwk", jwk, algorithm[0], false, ["verify"]);
    return await crypto.subtle.verify(algorithm[1], key, fromBase64url(token.slice(end + 1)), utf8(token.slice(0, end)));
  } catch {
    return null;
  }
}

async function showToken(panel, target, token) {
  const parts = token.split(".");
  if (parts.length !== 3) {
    panel.querySelector(".body").replaceChildren(el("p", { class: "empty" }, "An opaque token: only the issuer can read it."));
    return;
  }
  const header = parseJson(fromBase64url(parts[0]));
  const claims = parseJson(fromBase64url(parts[1]));
  const valid = await verify(token, header);
  const verdicts = [
    valid === null
      ? el("span", { class: "fact" }, "This browser cannot check the signature")
      : el("span", { class: valid ? "fact good" : "fact bad" }, valid ? "Signature verified" : "Signature is not valid"),
  ];
  if (target === "id-token") {
    const expected = claims.iss === issuer && [].concat(claims.aud).includes(client)
      && claims.exp > Date.now() / 1000 && (!claims.nonce || claims.nonce === tokens.nonce);
    const text = expected ? "iss, aud, exp, nonce as expected" : "iss, aud, exp or nonce are wrong";
    verdicts.push(el("span", { class: expected ? "fact good" : "fact bad" }, text));
  }
  for (const name of ["alg", "typ", "kid"]) {
    if (header[name]) verdicts.push(el("span", { class: "fact" }, `${name} ${header[name]}`));
  }
  showClaims(panel, target, claims, tokens.origins, [el("div", { class: "facts" }, ...verdicts)], rawToken(parts));
}

function rawToken(parts) {
  const pre = el("pre", {});
  parts.forEach((part, index) => pre.append(el("span", { class: `part-${index}` }, part), index < 2 ? "." : ""));
  return el("details", { class: "raw" }, el("summary", {}, "The token itself"), pre);
}

function showClaims(panel, target, claims, origins, before, ...after) {
  const seen = tokens.seen[target];
  const list = el("dl", { class: "claims" });
  const set = (name) => origins?.find((origin) => origin.target === target && origin.claim === name);
  const names = Object.keys(claims).sort((a, b) => Boolean(set(b)) - Boolean(set(a)));
  for (const name of names) list.append(claimRow(name, claims[name], set(name), seen));
  for (const name of Object.keys(seen ?? {})) {
    if (!(name in claims) && !RESTLESS.has(name)) list.append(goneRow(name, set(name)));
  }
  panel.querySelector(".body").replaceChildren(...before, list, ...after);
  tokens.seen[target] = claims;
  sessionStorage.setItem(TOKENS, JSON.stringify(tokens));
}

function claimRow(name, value, origin, seen) {
  const term = el("dt", {}, el("code", {}, name));
  if (seen && !RESTLESS.has(name) && JSON.stringify(seen[name]) !== JSON.stringify(value)) {
    term.append(" ", el("em", { class: "tag" }, name in seen ? "changed" : "new"));
  }
  if (MEANING[name] && !origin) term.append(el("small", {}, MEANING[name]));
  const shown = typeof value === "string" ? value : JSON.stringify(value);
  const detail = el("dd", {}, el("code", {}, shown));
  if (TIMES.has(name) && typeof value === "number") detail.append(el("small", {}, when(value)));
  if (origin) detail.append(setBy(origin));
  return el("div", { class: `${origin ? "plugin" : ""} ${isLong(name)}` }, term, detail);
}

/** A name that is an URL gets a line of its own. */
const isLong = (name) => (name.length > 20 ? "long" : "");

function goneRow(name, origin) {
  const term = el("dt", {}, el("code", {}, name), " ", el("em", { class: "tag warn" }, "removed"));
  return el("div", { class: `gone ${isLong(name)}` }, term, el("dd", {}, origin ? setBy(origin) : ""));
}

function setBy(origin) {
  return el(
    "small",
    {},
    "set by plugin ",
    el("span", { class: "by" }, `${origin.plugin} ${origin.version}`),
    ` · generation ${origin.generation} · ${origin.digest.slice(0, 8)}`,
  );
}

function when(seconds) {
  const date = new Date(seconds * 1000);
  const distance = Math.round(seconds - Date.now() / 1000);
  const format = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  const days = Math.abs(distance) > 129_600;
  const minutes = Math.abs(distance) >= 90;
  const [amount, unit] = days ? [distance / 86_400, "day"] : minutes ? [distance / 60, "minute"] : [distance, "second"];
  return `${format.format(Math.round(amount), unit)} (${date.toLocaleString("en-GB")})`;
}

// --- the page

async function show() {
  byId("start").hidden = true;
  byId("result").hidden = false;
  byId("scope").textContent = `Allowed: ${tokens.scope ?? scope}`;
  byId("refresh").disabled = !tokens.refresh_token;
  sessionStorage.setItem(TOKENS, JSON.stringify(tokens));
  if (tokens.id_token) await showToken(byId("id-token"), "id-token", tokens.id_token);
  await showToken(byId("access-token"), "access-token", tokens.access_token);
  await askUserinfo();
}

function startOver() {
  sessionStorage.removeItem(TOKENS);
  location.assign(`${issuer}/demo`);
}

/** Runs an action of a button: one at a time, and its failure is shown. */
async function run(what, action) {
  const buttons = [...document.querySelectorAll("main button")];
  const busy = buttons.filter((button) => !button.disabled);
  byId("problem").hidden = true;
  for (const button of busy) button.disabled = true;
  try {
    await action();
    say(`${what}: done.`);
  } catch (error) {
    fail(`${what} did not work.`, error.message);
  } finally {
    for (const button of busy) button.disabled = false;
  }
}

byId("sign-in").addEventListener("click", () => run("Sign in", signIn));
byId("start-over").addEventListener("click", startOver);
byId("ask-userinfo").addEventListener("click", () => run("UserInfo", askUserinfo));
byId("refresh").addEventListener("click", () =>
  run("Refresh", async () => {
    await requestTokens("Refresh", { grant_type: "refresh_token", refresh_token: tokens.refresh_token });
    await show();
  }),
);

async function begin() {
  if (location.origin !== new URL(issuer).origin) {
    // Cookies and the redirect URI belong to the issuer's origin: 127.0.0.1 is not localhost to a browser.
    location.replace(`${issuer}/demo`);
    return;
  }
  const answer = new URLSearchParams(location.search);
  metadata = (await send("Discovery", `${issuer}/.well-known/openid-configuration`)).body;
  const kept = sessionStorage.getItem(TOKENS);
  if (answer.has("code") || answer.has("error")) await exchange(answer);
  else if (kept) tokens = JSON.parse(kept);
  if (tokens) await show();
}

run("Sign in", begin).then(() => {
  if (!tokens) byId("start").hidden = false;
  byId("content").dataset.ready = "true";
});
