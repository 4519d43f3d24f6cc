// A whole sign-in with openid-client, a certified client library: discovery → login → consent → code with PKCE →
// ID token validation → UserInfo → refresh. The person's part is played by plain form posts, as a browser without
// JavaScript would send them.
//
//   node client.mjs ISSUER CLIENT_ID REDIRECT_URI USERNAME
//
// The password and, for a confidential client, its secret come from the environment: AUTHLY_PASSWORD, CLIENT_SECRET.
import assert from 'node:assert/strict'
import { webcrypto } from 'node:crypto'

// Node.js 18, as Debian 12 has it, keeps Web Crypto out of the global scope.
globalThis.crypto ??= webcrypto
const client = await import('openid-client')

const [issuer, clientId, redirectUri, username] = process.argv.slice(2)
const { AUTHLY_PASSWORD: password, CLIENT_SECRET: secret } = process.env
if (!username || !password) {
  console.error('usage: AUTHLY_PASSWORD=… [CLIENT_SECRET=…] node client.mjs ISSUER CLIENT_ID REDIRECT_URI USERNAME')
  process.exit(2)
}

const authentication = secret ? client.ClientSecretBasic(secret) : client.None()
const insecure = issuer.startsWith('http://') ? [client.allowInsecureRequests] : []
const config = await client.discovery(new URL(issuer), clientId, undefined, authentication, { execute: insecure })
const metadata = config.serverMetadata()
assert.equal(metadata.issuer, issuer)
step('discovery', metadata.authorization_endpoint)

const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const expectedNonce = client.randomNonce()
const authorizationUrl = client.buildAuthorizationUrl(config, {
  redirect_uri: redirectUri,
  scope: 'openid profile email offline_access',
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
  state: expectedState,
  nonce: expectedNonce,
})
const callback = await signIn(authorizationUrl)
step('login and consent', callback.origin + callback.pathname)

const tokens = await client.authorizationCodeGrant(config, callback, {
  pkceCodeVerifier,
  expectedState,
  expectedNonce,
  idTokenExpected: true,
})
const claims = tokens.claims()
assert.equal(claims.aud, clientId)
assert.ok(tokens.refresh_token, 'offline_access was agreed to, so there is a refresh token')
step('code exchanged, ID token validated', `sub ${claims.sub}`)

const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
assert.equal(userinfo.sub, claims.sub)
step('userinfo', Object.keys(userinfo).join(' '))

const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
assert.notEqual(refreshed.refresh_token, tokens.refresh_token, 'a refresh token is replaced when used')
assert.equal(refreshed.claims().sub, claims.sub)
step('refresh', `expires in ${refreshed.expires_in} s`)
console.log('1 passed, 0 failed')

function step(name, detail) {
  console.log(`ok  ${name}  (${detail})`)
}

/** Plays the person: fills the login form, presses Allow, and answers the URL the client is called back with. */
async function signIn(start) {
  const cookies = new Map()
  let url = start
  let form
  for (let hops = 0; hops < 12; hops++) {
    if (url.href.startsWith(redirectUri)) return url
    const headers = { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') }
    if (form) headers.origin = url.origin
    const response = await fetch(url, { method: form ? 'POST' : 'GET', body: form, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)
      cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (location) {
      url = new URL(location, url)
      form = undefined
      continue
    }
    const page = await response.text()
    assert.ok(response.ok, `${response.status} at ${url.pathname}: ${page.slice(0, 400)}`)
    form = new URLSearchParams()
    for (const [tag] of page.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
      form.set(/ name="([^"]*)"/.exec(tag)[1], / value="([^"]*)"/.exec(tag)?.[1] ?? '')
    }
    if (page.includes('name="password"')) {
      form.set('username', username)
      form.set('password', password)
    } else {
      form.set('decision', 'allow')
    }
    url = new URL(/<form[^>]* action="([^"]*)"/.exec(page)?.[1].replaceAll('&amp;', '&') ?? url.pathname, url)
  }
  throw new Error('the sign-in goes in circles')
}
