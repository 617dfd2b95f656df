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
//   GET /break, /mend        keys and introspection are answered 500, or again
import { createServer } from 'node:http';
import { constants, createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

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

const tests = {
  '/mint': (query) => mint(query),
  '/opaque': (query) => {
    const token = query.get('token') ?? randomBytes(16).toString('base64url');
    opaque.set(token, { active: true, iss: issuer, exp: now() + 300, ...claimsOf(query, ['token']) });
    return token;
  },
  '/revoke': (query) => `${opaque.delete(query.get('token'))}`,
  '/rotate': () => { key = newKey(key.alg); return key.kid; },
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
  if (broken) {
    json(res, 500, { error: 'server_error' });
  } else if (url.pathname === '/jwks') {
    json(res, 200, { keys: [{ ...key.jwk, kid: key.kid, alg: key.alg, use: 'sig' }] });
  } else if (url.pathname === '/introspect' && req.method === 'POST') {
    introspect(req, res, body);
  } else {
    json(res, 404, { error: 'not_found' });
  }
};

const server = createServer((req, res) => { serve(req, res).catch(() => res.destroy()); });
server.listen(Number(value('port', 0)), '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
let issuer = '';
server.on('listening', () => { issuer = `http://127.0.0.1:${server.address().port}`; });
