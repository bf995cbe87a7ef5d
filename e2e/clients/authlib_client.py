"""A relying party over Authlib; see README.md."""

import json
import sys

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

TIMEOUT = 20


def hear():
    return json.loads(sys.stdin.readline())


def say(value):
    print(json.dumps(value), flush=True)


def get(url):
    answer = requests.get(url, timeout=TIMEOUT)
    answer.raise_for_status()
    return answer.json()


def verified(token, nonce=None):
    keys = KeySet.import_key_set(get(metadata["jwks_uri"]))
    decoded = jwt.decode(token["id_token"], keys, algorithms=["ES256"])
    options = {
        "iss": {"essential": True, "value": metadata["issuer"]},
        "aud": {"essential": True, "value": begun["clientId"]},
    }
    params = {"client_id": begun["clientId"], "access_token": token["access_token"]}
    if nonce:
        params["nonce"] = nonce
    claims = CodeIDToken(decoded.claims, decoded.header, options, params)
    claims.validate()
    return claims, decoded.header["kid"]


begun = hear()
metadata = get(begun["issuer"].rstrip("/") + "/.well-known/openid-configuration")
session = OAuth2Session(
    begun["clientId"],
    begun["clientSecret"],
    token_endpoint_auth_method="client_secret_basic",
    scope="openid profile email",
    redirect_uri=begun["redirectUri"],
    code_challenge_method="S256",
    default_timeout=TIMEOUT,
)
verifier, nonce = generate_token(48), generate_token(20)
url, state = session.create_authorization_url(
    metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce
)
say({"authorize": url})

callback = hear()["callback"]
token = session.fetch_token(
    metadata["token_endpoint"],
    authorization_response=callback,
    code_verifier=verifier,
    state=state,
)
claims, _ = verified(token, nonce)


def person():
    return session.get(metadata["userinfo_endpoint"])


def email():
    answer = person()
    answer.raise_for_status()
    return answer.json()["email"]


say({"sub": claims["sub"], "email": email()})
while "again" in hear():
    honoured = person().ok
    token = session.refresh_token(metadata["token_endpoint"])
    claims, kid = verified(token)
    say({"sub": claims["sub"], "email": email(), "kid": kid, "honoured": honoured})

logout = requests.Request(
    "GET",
    metadata["end_session_endpoint"],
    params={
        "id_token_hint": token["id_token"],
        "post_logout_redirect_uri": begun["home"],
    },
)
say({"logout": logout.prepare().url})
hear()
try:
    session.refresh_token(metadata["token_endpoint"])
    say({"refused": None})
except OAuthError as fault:
    say({"refused": fault.error})
