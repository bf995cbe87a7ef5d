// A relying party over openid-client; see README.md.
import { createInterface } from 'node:readline';
import * as oidc from 'openid-client';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const hear = async () => JSON.parse((await lines.next()).value);
const say = (value) => console.log(JSON.stringify(value));

const { issuer, clientId, clientSecret, redirectUri, home } = await hear();
const discover = () => oidc.discovery(
  new URL(issuer), clientId, undefined, oidc.ClientSecretBasic(clientSecret),
  // Without it the signature of an id token that comes from the token endpoint is not looked at.
  { execute: [oidc.enableNonRepudiationChecks] });
let config = await discover();

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
let tokens = await oidc.authorizationCodeGrant(config, new URL(callback), {
  pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true,
});
const { sub } = tokens.claims();
const userinfo = () => oidc.fetchUserInfo(config, tokens.access_token, sub);
say({ sub, email: (await userinfo()).email });

const refresh = () => oidc.refreshTokenGrant(config, tokens.refresh_token);
// A JWK set younger than a minute is not fetched again for a key that it does not hold; what was
// discovered anew has none yet.
const refreshByAnyKey = () => refresh().catch(async (fault) => {
  if (fault.code !== 'OAUTH_KEY_SELECTION_FAILED') throw fault;
  config = await discover();
  return refresh();
});
for (let heard = await hear(); heard.again; heard = await hear()) {
  const honoured = await userinfo().then(() => true, () => false);
  tokens = await refreshByAnyKey();
  const [header] = tokens.id_token.split('.');
  const { kid } = JSON.parse(Buffer.from(header, 'base64url'));
  say({ sub: tokens.claims().sub, email: (await userinfo()).email, kid, honoured });
}

say({
  logout: oidc.buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token, post_logout_redirect_uri: home,
  }).href,
});
await hear();
try {
  await refresh();
  say({ refused: null });
} catch (fault) {
  say({ refused: fault.error ?? String(fault) });
}
process.exit(0);
