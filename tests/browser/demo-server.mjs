// Stands in for the server behind the demo page: real signatures, invented claims.
import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";

const base64url = (value) => Buffer.from(value).toString("base64url");

export function demoServer(issuer) {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const state = { generation: 1, department: "research", fail: false, nonce: undefined, origins: new Map() };

  const jwt = (header, claims) => {
    const input = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}`;
    const key = header.alg === "RS256" ? rsa.privateKey : { key: ec.privateKey, dsaEncoding: "ieee-p1363" };
    return `${input}.${sign("sha256", Buffer.from(input), key).toString("base64url")}`;
  };
  const json = (status, value, id = randomUUID()) => ({
    status,
    headers: { "content-type": "application/json", "x-correlation-id": id },
    body: JSON.stringify(value),
  });
  const shaped = () => ({
    "https://example.com/department": state.department,
    ...(state.generation > 1 ? { "https://example.com/team": "compilers" } : { "https://example.com/groups": ["staff", "authors"] }),
  });
  const originsOf = (targets) =>
    targets.flatMap((target) =>
      Object.keys(shaped()).map((claim) => ({
        target,
        claim,
        plugin: "attribute-claims",
        version: "0.1.0",
        digest: createHash("sha256").update(String(state.generation)).digest("hex"),
        generation: state.generation,
      })),
    );

  const tokens = () => {
    if (state.fail) return json(400, { error: "invalid_grant", error_description: "The code has expired or was used before." });
    const now = Math.floor(Date.now() / 1000);
    const common = { iss: issuer, sub: "0191f3a2-5a5e-7c11-9a54-1b7d1f0a2c3d", exp: now + 900, iat: now };
    const id = randomUUID();
    state.origins.set(id, originsOf(["id-token", "access-token"]));
    const idClaims = {
      ...common, aud: "demo", nonce: state.nonce, auth_time: now - 12, sid: "kq3Z", amr: ["pwd"],
      name: "Alice Adams", preferred_username: "alice", email: "alice@example.com", email_verified: true, ...shaped(),
    };
    const accessClaims = {
      ...common, aud: issuer, client_id: "demo", scope: "openid profile email offline_access", jti: randomUUID(), ...shaped(),
    };
    return json(200, {
      access_token: jwt({ alg: "ES256", typ: "at+jwt", kid: "ec-1" }, accessClaims),
      id_token: jwt({ alg: "RS256", typ: "JWT", kid: "rsa-1" }, idClaims),
      token_type: "Bearer",
      expires_in: 900,
      refresh_token: base64url(randomUUID()),
      scope: "openid profile email offline_access",
    }, id);
  };

  const userinfo = () => {
    const id = randomUUID();
    state.origins.set(id, originsOf(["userinfo"]));
    return json(200, { sub: "0191f3a2-5a5e-7c11-9a54-1b7d1f0a2c3d", name: "Alice Adams", email: "alice@example.com", email_verified: true, ...shaped() }, id);
  };

  const authorize = (query) => {
    state.nonce = query.get("nonce");
    const back = new URL(query.get("redirect_uri"));
    back.search = new URLSearchParams({ code: "code", state: query.get("state"), iss: issuer });
    return { status: 303, headers: { location: back.href }, body: "" };
  };

  const answer = (url) => {
    switch (url.pathname) {
      case "/.well-known/openid-configuration":
        return json(200, {
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/api/v1/oauth/token`,
          userinfo_endpoint: `${issuer}/oidc/userinfo`,
          jwks_uri: `${issuer}/.well-known/jwks.json`,
        });
      case "/.well-known/jwks.json":
        return json(200, {
          keys: [
            { ...rsa.publicKey.export({ format: "jwk" }), kid: "rsa-1", alg: "RS256", use: "sig" },
            { ...ec.publicKey.export({ format: "jwk" }), kid: "ec-1", alg: "ES256", use: "sig" },
          ],
        });
      case "/authorize":
        return authorize(url.searchParams);
      case "/api/v1/oauth/token":
        return tokens();
      case "/oidc/userinfo":
        return userinfo();
      case "/demo/origins":
        return json(200, state.origins.get(url.searchParams.get("request_id")) ?? []);
      default:
        return null;
    }
  };
  return { state, answer };
}
