"""A whole sign-in with Authlib: discovery, login, consent, code with PKCE, ID token validation, UserInfo, refresh,
introspection, revocation.

    client.py ISSUER CLIENT_ID REDIRECT_URI USERNAME

The rest comes from the environment: AUTHLY_PASSWORD, and for a confidential client CLIENT_SECRET, with CLIENT_AUTH if not
client_secret_basic, or CLIENT_KEY, a private JWK, for private_key_jwt.
"""

import json
import os
import secrets
import sys
from urllib.parse import parse_qs, urlsplit

from authlib.integrations.requests_client import OAuth2Session
from authlib.integrations.base_client import OAuthError
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from browser import sign_in

SCOPE = "openid profile email offline_access"


def main(issuer, client_id, redirect_uri, username):
    client = session(client_id, redirect_uri)
    metadata = client.get(issuer + "/.well-known/openid-configuration", withhold_token=True).json()
    assert metadata["issuer"] == issuer, metadata["issuer"]
    client.metadata["token_endpoint"] = metadata["token_endpoint"]
    step("discovery", metadata["authorization_endpoint"])
    keys = KeySet.import_key_set(client.get(metadata["jwks_uri"], withhold_token=True).json())

    tokens, nonce = authorize(client, metadata, username)
    claims = id_token_claims(tokens, keys, metadata, client_id)
    claims.params["nonce"] = nonce
    claims.validate()
    step("code exchanged, ID token validated", "sub " + claims["sub"])

    userinfo = client.get(metadata["userinfo_endpoint"]).json()
    assert userinfo["sub"] == claims["sub"] and userinfo["email_verified"] is True, userinfo
    step("userinfo", " ".join(userinfo))

    old = tokens["refresh_token"]
    refreshed = client.refresh_token()
    assert refreshed["refresh_token"] != old, "a refresh token is replaced when used"
    again = id_token_claims(refreshed, keys, metadata, client_id)
    again.validate()
    assert again["sub"] == claims["sub"] and again["auth_time"] == claims["auth_time"], again
    step("refresh", f"expires in {refreshed['expires_in']} s")

    give_back(client, metadata, refreshed)
    print("1 passed, 0 failed")


def session(client_id, redirect_uri):
    """Of a client that proves who it is as the environment says."""
    secret, method = os.environ.get("CLIENT_SECRET"), os.environ.get("CLIENT_AUTH")
    key = json.loads(os.environ.get("CLIENT_KEY", "null"))
    if key:
        secret, method = ECKey.import_key(key), PrivateKeyJWT.name
    client = OAuth2Session(
        client_id,
        secret,
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        scope=SCOPE,
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
    )
    client.register_client_auth_method(ClientSecretJWT())
    if key:
        client.register_client_auth_method(PrivateKeyJWT(alg="ES256", headers={"kid": key["kid"]}))
    # A proxy of the machine is not for a server on loopback.
    client.trust_env = False
    return client


def give_back(client, metadata, tokens):
    """Introspection for a client that proves who it is, and revocation for every one."""
    proves = client.token_endpoint_auth_method != "none"
    if proves:
        answer = client.introspect_token(metadata["introspection_endpoint"], tokens["access_token"]).json()
        assert answer["active"] is True and answer["client_id"] == client.client_id, answer
        step("introspection", answer["scope"])
    refresh_token = tokens["refresh_token"]
    answer = client.revoke_token(metadata["revocation_endpoint"], refresh_token, token_type_hint="refresh_token")
    assert answer.status_code == 200, answer.text
    try:
        client.refresh_token(refresh_token=refresh_token)
        raise AssertionError("a refresh token that was given back works")
    except OAuthError as error:
        assert error.error == "invalid_grant", error
    if proves:
        answer = client.introspect_token(metadata["introspection_endpoint"], tokens["access_token"]).json()
        assert answer == {"active": False}, answer
    step("revocation", "the refresh token, and the access tokens of its grant")


def authorize(client, metadata, username):
    """Sends the person away and exchanges the code that comes back. Authlib compares state; iss is its user's to compare."""
    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    url, state = client.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    callback = sign_in(url, client.redirect_uri, username, os.environ["AUTHLY_PASSWORD"])
    assert parse_qs(urlsplit(callback).query)["iss"] == [metadata["issuer"]], callback
    step("login and consent", callback.split("?")[0])
    tokens = client.fetch_token(authorization_response=callback, state=state, code_verifier=verifier)
    return tokens, nonce


def id_token_claims(tokens, keys, metadata, client_id):
    """The claims of an ID token whose signature verified, to be validated (OIDC Core 3.1.3.7)."""
    algorithms = metadata["id_token_signing_alg_values_supported"]
    token = jwt.decode(tokens["id_token"], keys, algorithms=algorithms)
    expected = {"iss": {"essential": True, "value": metadata["issuer"]}, "aud": {"essential": True, "value": client_id}}
    params = {"client_id": client_id, "access_token": tokens["access_token"]}
    return CodeIDToken(token.claims, token.header, expected, params)


def step(name, detail):
    print(f"ok  {name}  ({detail})")


if __name__ == "__main__":
    if len(sys.argv) != 5 or "AUTHLY_PASSWORD" not in os.environ:
        sys.exit("usage: AUTHLY_PASSWORD=... [CLIENT_SECRET=...] client.py ISSUER CLIENT_ID REDIRECT_URI USERNAME")
    main(*sys.argv[1:])
