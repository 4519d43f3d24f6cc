// A whole sign-in with openid-client, a certified client library: discovery → login → consent → code with PKCE →
// ID token validation → UserInfo → refresh → introspection → revocation → sign-out. The person's part is in browser.mjs.
//
//   node client.mjs ISSUER CLIENT_ID REDIRECT_URI USERNAME
//
// The rest comes from the environment: AUTHLY_PASSWORD; for a confidential client CLIENT_SECRET, with CLIENT_AUTH if not
// client_secret_basic, or CLIENT_KEY, a private JWK, for private_key_jwt; POST_LOGOUT_REDIRECT_URI, if the client has one; RESPONSE_MODE, if not the usual one; and
// USERINFO_ALG, if the client registered for signed UserInfo.
import assert from 'node:assert/strict'
import { webcrypto } from 'node:crypto'
import { Browser } from './browser.mjs'

// Node.js 18, as Debian 12 has it, keeps Web Crypto out of the global scope.
globalThis.crypto ??= webcrypto
const client = await import('openid-client')

const [issuer, clientId, redirectUri, username] = process.argv.slice(2)
const { AUTHLY_PASSWORD: password, CLIENT_SECRET: secret, CLIENT_KEY: key } = process.env
const { POST_LOGOUT_REDIRECT_URI: afterwards, RESPONSE_MODE: mode, USERINFO_ALG: userinfoAlg } = process.env
if (!username || !password) {
  console.error('usage: AUTHLY_PASSWORD=… [CLIENT_SECRET=…] node client.mjs ISSUER CLIENT_ID REDIRECT_URI USERNAME')
  process.exit(2)
}

const authentication = await clientAuthentication()
// Signatures are verified even of what came straight from the server.
const execute = [client.enableNonRepudiationChecks]
if (issuer.startsWith('http://')) execute.push(client.allowInsecureRequests)
const registered = userinfoAlg && { userinfo_signed_response_alg: userinfoAlg }
const config = await client.discovery(new URL(issuer), clientId, registered, authentication, { execute })
const metadata = config.serverMetadata()
assert.equal(metadata.issuer, issuer)
step('discovery', metadata.authorization_endpoint)

const person = new Browser(username, password)
const tokens = await signIn()
const claims = tokens.claims()
assert.equal(claims.aud, clientId)
assert.ok(tokens.refresh_token, 'offline_access was agreed to, so there is a refresh token')
step('code exchanged, ID token validated', `sub ${claims.sub}`)

let userinfoType
config[client.customFetch] = async (...request) => {
  const response = await fetch(...request)
  userinfoType ??= response.headers.get('content-type')
  return response
}
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
delete config[client.customFetch]
assert.equal(userinfo.sub, claims.sub)
assert.ok(userinfoType.startsWith(userinfoAlg ? 'application/jwt' : 'application/json'), userinfoType)
step('userinfo', Object.keys(userinfo).join(' '))

const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
assert.notEqual(refreshed.refresh_token, tokens.refresh_token, 'a refresh token is replaced when used')
assert.equal(refreshed.claims().sub, claims.sub)
step('refresh', `expires in ${refreshed.expires_in} s`)

// Whoever holds a token may give it back; only who can prove who they are may ask what one is worth (RFC 7662 §2.1).
const proves = Boolean(secret || key)
if (proves) {
  const answer = await client.tokenIntrospection(config, refreshed.access_token)
  assert.ok(answer.active && answer.client_id === clientId && answer.sub === claims.sub, JSON.stringify(answer))
  step('introspection', answer.scope)
}
await client.tokenRevocation(config, refreshed.refresh_token)
await assert.rejects(client.refreshTokenGrant(config, refreshed.refresh_token), { error: 'invalid_grant' })
if (proves) assert.deepEqual(await client.tokenIntrospection(config, refreshed.access_token), { active: false })
step('revocation', 'the refresh token, and the access tokens of its grant')

if (afterwards) {
  const state = client.randomState()
  const away = client.buildEndSessionUrl(config, {
    post_logout_redirect_uri: afterwards,
    id_token_hint: tokens.id_token,
    state,
  })
  const back = await person.follow(away, afterwards)
  assert.equal(back.searchParams.get('state'), state)
  // Nobody is signed in any more, which the server says without a page.
  const silent = await person.follow(new URL(`${(await authorizationUrl('query')).url}&prompt=none`), redirectUri)
  assert.equal(silent.searchParams.get('error'), 'login_required')
  step('sign-out', back.href)
}
console.log('1 passed, 0 failed')

function step(name, detail) {
  console.log(`ok  ${name}  (${detail})`)
}

async function clientAuthentication() {
  if (!key) {
    const methods = {
      none: client.None,
      client_secret_basic: client.ClientSecretBasic,
      client_secret_post: client.ClientSecretPost,
      client_secret_jwt: client.ClientSecretJwt,
    }
    return methods[process.env.CLIENT_AUTH ?? (secret ? 'client_secret_basic' : 'none')](secret)
  }
  const { kid, alg, ...jwk } = JSON.parse(key)
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  return client.PrivateKeyJwt({ kid, key: await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['sign']) })
}

/** A good request, and what its answer must fit. */
async function authorizationUrl(responseMode = mode) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const expectedState = client.randomState()
  const expectedNonce = client.randomNonce()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid profile email offline_access',
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
    ...(responseMode && { response_mode: responseMode }),
  })
  return { url, checks: { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true } }
}

async function signIn() {
  const { url, checks } = await authorizationUrl()
  const callback = await person.follow(url, redirectUri)
  step('login and consent', mode ?? 'query')
  return client.authorizationCodeGrant(config, callback, checks)
}
