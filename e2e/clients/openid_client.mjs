// A relying party over openid-client; see README.md.
import { createInterface } from 'node:readline';
import * as oidc from 'openid-client';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const hear = async () => JSON.parse((await lines.next()).value);
const say = (value) => console.log(JSON.stringify(value));

const { issuer, clientId, clientSecret, redirectUri, home } = await hear();
const config = await oidc.discovery(
  new URL(issuer), clientId, undefined, oidc.ClientSecretBasic(clientSecret));

const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
const expectedState = oidc.randomState();
const expectedNonce = oidc.randomNonce();
say({
  authorize: oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid profile email',
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
  }).href,
});

const { callback } = await hear();
const tokens = await oidc.authorizationCodeGrant(config, new URL(callback), {
  pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true,
});
const { sub } = tokens.claims();
const { email } = await oidc.fetchUserInfo(config, tokens.access_token, sub);
const next = await oidc.refreshTokenGrant(config, tokens.refresh_token);
say({
  sub,
  email,
  refreshed: next.claims().sub === sub && next.access_token !== tokens.access_token,
  logout: oidc.buildEndSessionUrl(config, {
    id_token_hint: next.id_token, post_logout_redirect_uri: home,
  }).href,
});

await hear();
try {
  await oidc.refreshTokenGrant(config, next.refresh_token);
  say({ refused: null });
} catch (fault) {
  say({ refused: fault.error ?? String(fault) });
}
process.exit(0);
