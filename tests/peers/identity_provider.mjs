// SPDX-License-Identifier: Apache-2.0
// An organisation's identity provider without dependencies: people log in there, and it vouches for them at
// authorization servers (token exchange of RFC 8693 for an ID-JAG). Prints {"port":N} once it listens on 127.0.0.1.
// GET /seen answers what it was asked, as JSON.
//
//   node identity_provider.mjs [--port N] [--lie WHAT] [--life N]
//
// The issuer is /idp. Its client is "writ-at-idp" without a secret; it vouches for the client "writ" of any
// authorization server. Whoever comes to /idp/authorize says yes, and is ann.
//   --life N    seconds that an ID token holds; default 300
//   --lie WHAT  of what it vouches with, this is another one: audience, type, issuer, client, resource; expired; token:
//               it gives an access token instead; replay: the first one again and again. Of the ID token: id: it
//               is for somebody else; key: it is signed by another key; person: each is about somebody else
//
// For tests, not of the protocol:
//   GET /token   an ID token as text; ?life=N
//   GET /end     it takes no ID token and no token to refresh with that was given until now
import { createServer } from 'node:http';
import { createHash, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';

const value = (name, other) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? other : process.argv[at + 1];
};
const CLIENT = 'writ-at-idp';
const TYPE = 'urn:ietf:params:oauth:token-type:';
const lie = value('lie', '');
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const codes = new Map(); // code: what was asked for
const seen = [];
let refreshing = new Set();
let good = new Set(); // ID tokens
let before = '';
let issuer = '';

const now = () => Math.floor(Date.now() / 1000);
const random = () => randomBytes(16).toString('base64url');
const encode = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');

const jwt = (typ, claims, key = privateKey) => {
  const text = `${encode({ alg: 'ES256', typ, kid: 'idp' })}.${encode(claims)}`;
  return `${text}.${sign('sha256', text, { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
};

const idToken = (life) => {
  const token = jwt('JWT', {
    iss: issuer, sub: lie === 'person' ? random() : 'ann', aud: lie === 'id' ? 'somebody' : CLIENT, iat: now(),
    exp: now() + Number(life), jti: random(),
  }, lie === 'key' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey : privateKey);
  good.add(token);
  return token;
};

// Is it an ID token of ours that holds?
const subjectOf = (token) => {
  const [header, claims, proof] = token.split('.');
  const of = { key: publicKey, dsaEncoding: 'ieee-p1363' };
  if (!good.has(token) || !verify('sha256', Buffer.from(`${header}.${claims}`), of, Buffer.from(proof, 'base64url'))) {
    return null;
  }
  const said = JSON.parse(Buffer.from(claims, 'base64url'));
  return said.aud === CLIENT && said.exp > now() ? said.sub : null;
};

const vouch = (form, sub) => {
  const jag = jwt(lie === 'type' ? 'at+jwt' : 'oauth-id-jag+jwt', {
    iss: lie === 'issuer' ? 'https://other.test' : issuer,
    sub,
    aud: lie === 'audience' ? 'https://other.test' : form.get('audience'),
    client_id: lie === 'client' ? 'other' : 'writ',
    resource: lie === 'resource' ? 'https://other.test/mcp' : form.get('resource'),
    scope: form.get('scope') ?? '',
    jti: random(),
    iat: lie === 'expired' ? now() - 600 : now(),
    exp: lie === 'expired' ? now() - 300 : now() + 300,
  });
  before = before || jag;
  return lie === 'replay' ? before : jag;
};

const exchange = (form) => {
  const sub = form.get('subject_token_type') === `${TYPE}id_token` ? subjectOf(form.get('subject_token') ?? '') : null;
  if (form.get('requested_token_type') !== `${TYPE}id-jag` || !form.get('audience') || !form.get('resource')) {
    return [400, { error: 'invalid_request' }];
  }
  if (!sub) {
    return [400, { error: 'invalid_grant', error_description: 'a stack trace with a secret' }];
  }
  return [200, {
    access_token: vouch(form, sub), token_type: lie === 'token' ? 'Bearer' : 'N_A', expires_in: 300,
    issued_token_type: `${TYPE}${lie === 'token' ? 'access_token' : 'id-jag'}`,
  }];
};

const logIn = (form) => {
  const asked = codes.get(form.get('code'));
  const verifier = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
  const again = refreshing.delete(form.get('refresh_token'));
  if (!again && (!asked || asked.code_challenge !== verifier || asked.redirect_uri !== form.get('redirect_uri')
      || !asked.scope.split(' ').includes('openid') || form.has('resource'))) {
    return [400, { error: 'invalid_grant' }];
  }
  codes.delete(form.get('code'));
  const refresh = random();
  refreshing.add(refresh);
  return [200, {
    access_token: random(), token_type: 'Bearer', expires_in: 300, refresh_token: refresh, id_token: idToken(value('life', 300)),
  }];
};

const token = (form) => {
  if (form.get('client_id') !== CLIENT) {
    return [401, { error: 'invalid_client' }];
  }
  return form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:token-exchange' ? exchange(form) : logIn(form);
};

const authorize = (res, query) => {
  const code = random();
  const to = new URL(query.get('redirect_uri'));
  codes.set(code, Object.fromEntries(query));
  to.searchParams.set('code', code);
  to.searchParams.set('state', query.get('state'));
  to.searchParams.set('iss', issuer);
  res.writeHead(302, { location: to.href, 'content-length': 0 }).end();
};

const METADATA = () => ({
  issuer, authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks`,
  token_endpoint_auth_methods_supported: ['none'], code_challenge_methods_supported: ['S256'],
  authorization_response_iss_parameter_supported: true, scopes_supported: ['openid', 'offline_access'],
  grant_types_supported: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:token-exchange'],
});

const answers = {
  '/seen': () => [200, { seen }],
  '/token': (query) => [200, idToken(query.get('life') ?? 300)],
  '/end': () => { good = new Set(); refreshing = new Set(); return [200, 'ended']; },
  '/.well-known/openid-configuration/idp': () => [200, METADATA()],
  '/idp/jwks': () => [200, { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'idp', alg: 'ES256', use: 'sig' }] }],
  '/idp/token': (query, body) => token(new URLSearchParams(body)),
};

const serve = async (req, res) => {
  const url = new URL(req.url, 'http://127.0.0.1');
  let body = '';
  for await (const piece of req) {
    body += piece;
  }
  if (url.pathname !== '/seen') {
    seen.push({ method: req.method, url: req.url, headers: req.headers, body: body.slice(0, 10000) });
  }
  if (url.pathname === '/idp/authorize') {
    authorize(res, url.searchParams);
    return;
  }
  const [status, what] = answers[url.pathname]?.(url.searchParams, body) ?? [404, { error: 'not_found' }];
  const text = typeof what === 'string' ? what : JSON.stringify(what);
  res.writeHead(status, {
    'content-type': typeof what === 'string' ? 'text/plain' : 'application/json', 'content-length': Buffer.byteLength(text),
  });
  res.end(text);
};

const server = createServer((req, res) => { serve(req, res).catch(() => res.destroy()); });
server.on('listening', () => {
  issuer = `http://127.0.0.1:${server.address().port}/idp`;
  console.log(JSON.stringify({ port: server.address().port }));
});
server.listen(Number(value('port', 0)), '127.0.0.1');
