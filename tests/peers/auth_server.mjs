// SPDX-License-Identifier: Apache-2.0
// An authorization server without dependencies: signs tokens on request, rotates its keys, answers introspection.
// Prints {"port":N} once it listens on 127.0.0.1. GET /seen answers what it was asked, as JSON.
//
//   node auth_server.mjs [--port N] [--alg RS256|PS256|ES256|EdDSA]
//
// For tests, not of the protocol:
//   GET /mint?sub=..&...     a signed token as text; every claim can be given, and alg, kid, typ, key=other
//                            (signed by a key that is not published), life=SECONDS
//   GET /opaque?sub=..&...   an opaque token that introspection knows, with these claims
//   GET /revoke?token=..     it is not active any more
//   GET /rotate              another key from now on; the old one is no longer published
//   GET /break, /mend        keys, introspection and tokens are answered 500, or again
//   GET /forget              the resource refuses every token that was given until now
//
// As an authorization server: metadata (RFC 8414) of the issuer /as, and /as/token for client_credentials with
// client_secret_basic or private_key_jwt (the client "writ"; --client-key FILE has its public key as PEM).
// As a server that wants tokens: /mcp has a challenge and metadata (RFC 9728) that names /as, and a tool echo.
//   --life N   seconds that a token holds; default 300
//   --lie WHAT issuer: the metadata is of another one; resource: of another resource; inside: the metadata of
//              the resource names an authorization server at 10.1.2.3; plain: one at http://as.test; pkce: there is
//              no S256; iss: answers name another issuer
// With --provider URL for those that an identity provider vouches for: at the token endpoint its ID-JAGs (RFC 7523), each once.
// With --person also for people: /as/authorize (whoever comes says yes), /as/register, /as/device, /as/revoke, and
// tokens to refresh with, each good for once: one that comes twice ends the login.
//   --write    a call of the tool wants the scope "write"
//   --ask      the first call of the tool asks its client something (elicitation) and is not answered then
//   GET /refuse              it is: 401, as if its token had ended meanwhile
//   GET /approve             the person has typed the device code
import { createServer } from 'node:http';
import { constants, createHash, createHmac, createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

const value = (name, other) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? other : process.argv[at + 1];
};
const seen = [];
const opaque = new Map();
const now = () => Math.floor(Date.now() / 1000);
const encode = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');
let broken = false;
let count = 0;

const kinds = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};
const newKey = (alg) => {
  const pair = kinds[alg]();
  count += 1;
  return { alg, kid: `${alg}-${count}`, ...pair, jwk: pair.publicKey.export({ format: 'jwk' }) };
};
let key = newKey(value('alg', 'EdDSA'));

const signature = (alg, text, k) => {
  switch (alg) {
    case 'RS256': return sign('sha256', text, k.privateKey);
    case 'PS256':
      return sign('sha256', text, { key: k.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
    case 'ES256': return sign('sha256', text, { key: k.privateKey, dsaEncoding: 'ieee-p1363' });
    case 'EdDSA': return sign(null, text, k.privateKey);
    case 'HS256': return createHmac('sha256', k.publicKey.export({ type: 'spki', format: 'pem' })).update(text).digest();
    default: return Buffer.from('none');
  }
};

// What a query says of claims: several values make a list, digits a number.
const claimsOf = (query, own) => {
  const claims = {};
  for (const name of new Set(query.keys())) {
    const all = query.getAll(name);
    if (!own.includes(name)) {
      const read = (v) => (/^[0-9]+$/.test(v) ? Number(v) : v);
      claims[name] = all.length > 1 ? all.map(read) : read(all[0]);
    }
  }
  return claims;
};

const mint = (query) => {
  const alg = query.get('alg') ?? key.alg;
  const signer = query.get('key') === 'other' ? newKey(key.alg) : key;
  const header = { alg, typ: query.get('typ') ?? 'at+jwt', kid: query.get('kid') ?? key.kid };
  const claims = {
    iss: issuer, iat: now(), exp: now() + Number(query.get('life') ?? 300),
    ...claimsOf(query, ['alg', 'kid', 'typ', 'key', 'life']),
  };
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${signature(alg, Buffer.from(text), signer).toString('base64url')}`;
};

const json = (res, status, o, headers) => {
  const body = typeof o === 'string' ? o : JSON.stringify(o);
  res.writeHead(status, {
    'content-type': typeof o === 'string' ? 'text/plain' : 'application/json',
    'content-length': Buffer.byteLength(body), ...headers,
  });
  res.end(body);
};

const introspect = (req, res, body) => {
  const [kind, pair] = (req.headers.authorization ?? '').split(' ');
  if (kind !== 'Basic' || Buffer.from(pair, 'base64').toString() !== 'writ:s%20cret') {
    json(res, 401, { error: 'invalid_client' });
    return;
  }
  const token = new URLSearchParams(body).get('token');
  json(res, 200, opaque.get(token) ?? { active: false });
};

// ---- as an authorization server

const lie = value('lie', '');
let given = new Map(); // token: scope

const provesItself = (req, form) => {
  const [kind, pair] = (req.headers.authorization ?? '').split(' ');
  if (kind === 'Basic') {
    return Buffer.from(pair, 'base64').toString() === 'writ:s%20cret';
  }
  const [header, claims, proof] = (form.get('client_assertion') ?? '').split('.');
  if (!proof || !value('client-key')) {
    return false;
  }
  const { alg } = JSON.parse(Buffer.from(header, 'base64url'));
  const said = JSON.parse(Buffer.from(claims, 'base64url'));
  const publicKey = createPublicKey(readFileSync(value('client-key')));
  const of = alg === 'ES256' ? { key: publicKey, dsaEncoding: 'ieee-p1363' } : publicKey;
  return verify(alg === 'EdDSA' ? null : 'sha256', Buffer.from(`${header}.${claims}`), of, Buffer.from(proof, 'base64url'))
    && said.iss === 'writ' && said.sub === 'writ' && said.aud === `${issuer}/as` && said.exp > now() && said.jti;
};

// ---- logins of people

const person = process.argv.includes('--person');
const codes = new Map(); // code or device code: what was asked for
const logins = new Map(); // token to refresh with: {scope, family}
const ended = new Set(); // families of which a token came twice, or was taken back
let approved = false;

const authorize = (res, query) => {
  const code = randomBytes(16).toString('hex');
  const to = new URL(query.get('redirect_uri'));
  codes.set(code, Object.fromEntries(query));
  to.searchParams.set('code', code);
  to.searchParams.set('state', query.get('state'));
  to.searchParams.set('iss', lie === 'iss' ? 'https://other.test' : `${issuer}/as`);
  res.writeHead(302, { location: to.href, 'content-length': 0 }).end();
};

const register = (res, body) => {
  const asked = JSON.parse(body);
  const secret = asked.token_endpoint_auth_method === 'none' ? {} : { client_secret: 'registered secret' };
  json(res, 201, { ...asked, client_id: `client-${randomBytes(4).toString('hex')}`, ...secret });
};

const device = (res, form) => {
  const code = randomBytes(16).toString('hex');
  approved = false;
  codes.set(code, { ...Object.fromEntries(form), device: true });
  json(res, 200, {
    device_code: code, user_code: 'WDJB-MJHT', verification_uri: `${issuer}/as/type`, expires_in: 60, interval: 0,
  });
};

const giveLogin = (res, scope, family) => {
  const token = randomBytes(24).toString('base64url');
  const refresh = randomBytes(24).toString('base64url');
  given.set(token, scope);
  logins.set(refresh, { scope, family });
  json(res, 200, { access_token: token, refresh_token: refresh, token_type: 'Bearer', expires_in: Number(value('life', 300)), scope });
};

const forPerson = (res, form) => {
  const code = form.get('code') ?? form.get('device_code');
  const asked = codes.get(code);
  const verifier = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
  const old = logins.get(form.get('refresh_token'));
  if (form.get('grant_type') === 'refresh_token') {
    logins.set(form.get('refresh_token'), { ...old, used: true });
    if (!old || old.used || ended.has(old.family)) {
      ended.add(old?.family);
      json(res, 400, { error: 'invalid_grant' });
    } else {
      giveLogin(res, old.scope, old.family);
    }
  } else if (asked?.device && !approved) {
    json(res, 400, { error: 'authorization_pending' });
  } else if (!asked || form.get('resource') !== `${issuer}/mcp` || asked.resource !== form.get('resource')
      || form.get('client_id') !== asked.client_id
      || (!asked.device && (asked.code_challenge !== verifier || asked.redirect_uri !== form.get('redirect_uri')))) {
    json(res, 400, { error: 'invalid_grant' });
  } else {
    codes.delete(code);
    giveLogin(res, asked.scope ?? '', randomBytes(4).toString('hex'));
  }
};

const ofPerson = (req, res, path, query, body) => {
  const form = new URLSearchParams(body);
  if (path === '/as/authorize') {
    authorize(res, query);
  } else if (path === '/as/register') {
    register(res, body);
  } else if (path === '/as/device') {
    device(res, form);
  } else if (path === '/as/revoke') {
    ended.add(logins.get(form.get('token'))?.family);
    res.writeHead(200, { 'content-length': 0 }).end();
  } else if (path === '/as/token') {
    forPerson(res, form);
  } else {
    return false;
  }
  return true;
};

// ---- those that an identity provider vouches for

const vouched = new Set(); // ids of what was shown

// Is it for us, of the client that shows it, for our resource, and shown for the first time?
const isVouched = async (assertion) => {
  const [header, claims, proof] = assertion.split('.');
  const said = JSON.parse(Buffer.from(claims, 'base64url'));
  const { keys } = await (await fetch(`${value('provider')}/jwks`)).json();
  const of = { key: createPublicKey({ key: keys[0], format: 'jwk' }), dsaEncoding: 'ieee-p1363' };
  const first = !vouched.has(said.jti);
  vouched.add(said.jti);
  return verify('sha256', Buffer.from(`${header}.${claims}`), of, Buffer.from(proof, 'base64url'))
    && JSON.parse(Buffer.from(header, 'base64url')).typ === 'oauth-id-jag+jwt' && said.iss === value('provider')
    && said.aud === `${issuer}/as` && said.client_id === 'writ' && said.resource === `${issuer}/mcp`
    && said.exp > now() && first;
};

const forVouched = async (req, res, form) => {
  if (!provesItself(req, form)) {
    json(res, 401, { error: 'invalid_client' });
  } else if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer' || !await isVouched(form.get('assertion') ?? '')) {
    json(res, 400, { error: 'invalid_grant' });
  } else {
    const token = randomBytes(24).toString('base64url');
    given.set(token, form.get('scope') ?? '');
    json(res, 200, { access_token: token, token_type: 'Bearer', expires_in: Number(value('life', 300)) });
  }
};

const giveToken = (req, res, form) => {
  if (!provesItself(req, form)) {
    json(res, 401, { error: 'invalid_client', error_description: 'stack trace with a secret' });
  } else if (form.get('grant_type') !== 'client_credentials' || form.get('resource') !== `${issuer}/mcp`) {
    json(res, 400, { error: 'invalid_target' });
  } else {
    const token = randomBytes(24).toString('base64url');
    given.set(token, form.get('scope') ?? '');
    json(res, 200, { access_token: token, token_type: 'bearer', expires_in: Number(value('life', 300)), scope: form.get('scope') });
  }
};

const metadata = (res, path) => {
  const methods = value('client-key') ? ['private_key_jwt'] : ['client_secret_basic', ...(person ? ['none'] : [])];
  const forPeople = person && {
    authorization_endpoint: `${issuer}/as/authorize`,
    registration_endpoint: `${issuer}/as/register`,
    device_authorization_endpoint: `${issuer}/as/device`,
    revocation_endpoint: `${issuer}/as/revoke`,
    code_challenge_methods_supported: lie === 'pkce' ? ['plain'] : ['S256'],
    authorization_response_iss_parameter_supported: true,
  };
  if (path === '/.well-known/oauth-authorization-server/as') {
    json(res, 200, {
      issuer: lie === 'issuer' ? 'https://other.test' : `${issuer}/as`,
      token_endpoint: `${issuer}/as/token`,
      token_endpoint_auth_methods_supported: methods,
      ...forPeople,
    });
  } else {
    const server = { inside: 'https://10.1.2.3/as', plain: 'http://as.test' }[lie] ?? `${issuer}/as`;
    json(res, 200, {
      resource: lie === 'resource' ? 'https://other.test/mcp' : `${issuer}/mcp`,
      authorization_servers: [server],
    });
  }
};

// ---- as a server that wants tokens

let stream = null; // of what this server says by itself
let asking = null; // the call that is not answered

const wantsToken = (res) => json(res, 401, { error: 'invalid_token' }, {
  'www-authenticate': `Basic realm="x", Bearer error="invalid_token", resource_metadata="${issuer}/where", scope="mcp more"`,
});

const asks = (req, res, m) => {
  if (req.method === 'GET') {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(': \n\n');
    stream = res;
  } else if (m.method === 'tools/call' && !asking) {
    asking = res;
    const params = { message: 'Who?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } } } };
    stream.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id: 'q', method: 'elicitation/create', params })}\n\n`);
  } else {
    return false;
  }
  return true;
};

const mcp = (req, res, body) => {
  const token = (req.headers.authorization ?? '').replace(/^Bearer /, '');
  if (!given.has(token)) {
    wantsToken(res);
    return;
  }
  const m = JSON.parse(body || '{}');
  if (process.argv.includes('--write') && m.method === 'tools/call' && !given.get(token).split(' ').includes('write')) {
    json(res, 403, {}, { 'www-authenticate': 'Bearer error="insufficient_scope", scope="write"' });
    return;
  }
  if (process.argv.includes('--ask') && asks(req, res, m)) {
    return;
  }
  const results = {
    initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'guarded', version: '1' } },
    'tools/list': { tools: [{ name: 'scope', inputSchema: { type: 'object' } }] },
    'tools/call': { content: [{ type: 'text', text: `called with the scope ${given.get(token)}` }] },
    ping: {},
  };
  if (req.method !== 'POST') {
    json(res, 405, {});
  } else if (m.id === undefined) {
    res.writeHead(202).end();
  } else if (!results[m.method]) {
    json(res, 200, { jsonrpc: '2.0', id: m.id, error: { code: -32601, message: 'no such method' } });
  } else {
    json(res, 200, { jsonrpc: '2.0', id: m.id, result: results[m.method] });
  }
};

const tests = {
  '/mint': (query) => mint(query),
  '/opaque': (query) => {
    const token = query.get('token') ?? randomBytes(16).toString('base64url');
    opaque.set(token, { active: true, iss: issuer, exp: now() + 300, ...claimsOf(query, ['token']) });
    return token;
  },
  '/revoke': (query) => `${opaque.delete(query.get('token'))}`,
  '/rotate': () => { key = newKey(key.alg); return key.kid; },
  '/approve': () => { approved = true; return 'approved'; },
  '/forget': () => { given = new Map(); return 'forgotten'; },
  '/refuse': () => { wantsToken(asking); return 'refused'; },
  '/break': () => { broken = true; return 'broken'; },
  '/mend': () => { broken = false; return 'mended'; },
};

const serve = async (req, res) => {
  const url = new URL(req.url, 'http://127.0.0.1');
  if (url.pathname === '/seen') {
    json(res, 200, { seen });
    return;
  }
  if (tests[url.pathname]) {
    json(res, 200, tests[url.pathname](url.searchParams));
    return;
  }
  let body = '';
  for await (const piece of req) {
    body += piece;
  }
  seen.push({ method: req.method, url: req.url, headers: req.headers, body: body.slice(0, 10000) });
  if (url.pathname === '/mcp') {
    mcp(req, res, body);
  } else if (broken) {
    json(res, 500, { error: 'server_error' });
  } else if (url.pathname === '/jwks') {
    json(res, 200, { keys: [{ ...key.jwk, kid: key.kid, alg: key.alg, use: 'sig' }] });
  } else if (url.pathname === '/introspect' && req.method === 'POST') {
    introspect(req, res, body);
  } else if (url.pathname === '/where' || url.pathname === '/.well-known/oauth-authorization-server/as') {
    metadata(res, url.pathname);
  } else if (person && ofPerson(req, res, url.pathname, url.searchParams, body)) {
    // answered
  } else if (url.pathname === '/as/token' && value('provider')) {
    await forVouched(req, res, new URLSearchParams(body));
  } else if (url.pathname === '/as/token' && req.method === 'POST') {
    giveToken(req, res, new URLSearchParams(body));
  } else {
    json(res, 404, { error: 'not_found' });
  }
};

const server = createServer((req, res) => { serve(req, res).catch(() => res.destroy()); });
server.listen(Number(value('port', 0)), '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
let issuer = '';
server.on('listening', () => { issuer = `http://127.0.0.1:${server.address().port}`; });
