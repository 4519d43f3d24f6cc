// A resource server: express with express-oauth2-jwt-bearer, which knows the issuer's name and its JWK set and nothing
// else. It wants an access token of RFC 9068 and answers what the token says.
//
//   node resource-server.mjs ISSUER JWKS_URI AUDIENCE [SECONDS]
//
// Its clock is so many SECONDS ahead. It prints its URL once it listens, and ends with its standard input.
import express from 'express'
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer'

const [issuer, jwksUri, audience, ahead = '0'] = process.argv.slice(2)
if (!audience) {
  console.error('usage: node resource-server.mjs ISSUER JWKS_URI AUDIENCE [SECONDS]')
  process.exit(2)
}
const now = Date.now
Date.now = () => now() + Number(ahead) * 1000

const app = express()
// Strict: typ is at+jwt, and every claim that RFC 9068 §2.2 requires is there.
app.use(auth({ issuer, jwksUri, audience, strict: true }))
app.get('/', (request, response) => response.json(request.auth))
app.get('/write', requiredScopes('write'), (request, response) => response.json(request.auth))
// Not express's own page: it would show the error's stack in the log.
app.use((error, request, response, next) =>
  response.status(error.status ?? 500).set(error.headers).json({ error: error.code, message: error.message }))

const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
process.stdin.on('end', () => process.exit()).resume()
