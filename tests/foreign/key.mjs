// Prints a new ES256 key for private_key_jwt: what the client keeps, and what it registers.
import { generateKeyPairSync } from 'node:crypto'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const { d, ...jwk } = privateKey.export({ format: 'jwk' })
const named = { ...jwk, kid: 'client-1', alg: 'ES256' }
console.log(JSON.stringify({ key: { ...named, d }, jwks: { keys: [{ ...named, use: 'sig' }] } }))
