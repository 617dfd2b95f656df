// SPDX-License-Identifier: Apache-2.0
// A Streamable HTTP MCP server (legacy era) without dependencies that misbehaves on request.
// Prints {"port":N} once it listens on 127.0.0.1. GET /seen answers what it received, as JSON.
//
//   node bad_http.mjs [--port N] [--stateless] [--forget N [--forget-as 400]] [--sse] [--http2]
//
// --forget N: after N requests of a session it no longer knows it (404, or as some say it, 400). --sse: answers by events.
// --unseen: keeps nothing of what it received.
// --http2: who begins with its preface is served over HTTP/2. --tls-port N --cert FILE --key FILE:
// over TLS at that port too, HTTP/2 with who agrees to it.
import { createServer } from 'node:http';
import { createSecureServer, createServer as createServer2 } from 'node:http2';
import { readFileSync } from 'node:fs';
import { createServer as createPlain } from 'node:net';
import { randomUUID } from 'node:crypto';

const flag = (name) => process.argv.includes(`--${name}`);
const value = (name, other) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? other : process.argv[at + 1];
};
const seen = [];
const sessions = new Map();
const streams = new Set();
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });
const text = (t, more) => ({ content: [{ type: 'text', text: String(t) }], ...more });
const event = (o) => `event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', ...o })}\n\n`;

const json = (res, status, o, headers) => {
  const body = JSON.stringify(o);
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers });
  res.end(body);
};
const result = (res, id, r, headers) => {
  const o = { jsonrpc: '2.0', id, result: r };
  if (!flag('sse')) {
    json(res, 200, o, headers);
    return;
  }
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', ...headers });
  res.end(event(o));
};
const events = (res) => res.headersSent || res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });

const parked = new Map(); // last event id: what goes on there
const prime = (res, id) => { events(res); res.end(`id: ${id}\nretry: 100\ndata:\n\n`); };

const tools = {
  // behaves
  echo: (m, res) => result(res, m.id, text(m.params.arguments?.nonce ?? m.params.arguments?.text ?? 'echo')),
  sse: async (m, res) => {
    events(res);
    const token = m.params._meta?.progressToken;
    res.write(': keep-alive\n\n');
    for (let i = 1; i <= 3; i += 1) {
      if (token !== undefined) {
        res.write(event({ method: 'notifications/progress', params: { progressToken: token, progress: i, total: 3 } }));
      }
      await sleep(10);
    }
    res.end(event({ id: m.id, result: text('by events') }));
  },
  slow: async (m, res) => { await sleep(m.params.arguments?.ms ?? 1000); result(res, m.id, text('slept')); },
  // closes its stream before the answer, which is there for who comes back with the last id
  polls: (m, res) => { parked.set('p1', (r) => r.end(`id: p2\n${event({ id: m.id, result: text('taken up') })}`)); prime(res, 'p1'); },
  polls_twice: (m, res) => {
    parked.set('t1', (r) => { parked.set('t2', (q) => q.end(event({ id: m.id, result: text('taken up twice') }))); prime(r, 't2'); });
    prime(res, 't1');
  },
  breaks: (m, res) => {
    parked.set('b1', (r) => r.end(event({ id: m.id, result: text('mended') })));
    events(res);
    res.write('id: b1\nretry: 100\ndata:\n\nevent: message\ndata: {"json');
    setTimeout(() => res.destroy(), 20);
  },
  forgets_stream: (m, res) => prime(res, 'nobody-knows'),
  bad_stream_id: (m, res) => prime(res, 'caf\u00e9\u0001'),
  // misbehaves
  html_500: (m, res) => { res.writeHead(500, { 'content-type': 'text/html' }); res.end('<h1>stack trace with a secret</h1>'); },
  unauthorized: (m, res) => { res.writeHead(401, { 'www-authenticate': 'Bearer realm="upstream"' }); res.end(); },
  redirect: (m, res) => { res.writeHead(307, { location: 'http://169.254.169.254/latest/meta-data/' }); res.end(); },
  html_200: (m, res) => { res.writeHead(200, { 'content-type': 'text/html' }); res.end('<h1>hello</h1>'); },
  not_json: (m, res) => { res.writeHead(200, { 'content-type': 'application/json' }); res.end('{"jsonrpc":"2.0",'); },
  empty: (m, res) => { res.writeHead(200, { 'content-type': 'application/json', 'content-length': 0 }); res.end(); },
  other_id: (m, res) => json(res, 200, { jsonrpc: '2.0', id: 999999999, result: text('for nobody') }),
  accepted: (m, res) => { res.writeHead(202); res.end(); },
  gzip: (m, res) => { res.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }); res.end('nope'); },
  cut_body: (m, res) => {
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 });
    res.write('{"jsonrpc":"2.0","id":');
    setTimeout(() => res.destroy(), 20);
  },
  cut_stream: (m, res) => { events(res); res.write('event: message\ndata: {"jsonrpc"'); setTimeout(() => res.destroy(), 20); },
  end_stream: (m, res) => { events(res); res.end(': nothing\n\n'); },
  endless: (m, res) => {
    events(res);
    const timer = setInterval(() => res.write(': still here\n\n'), 20);
    res.on('close', () => clearInterval(timer));
  },
  flood: (m, res) => {
    events(res);
    const chunk = event({ method: 'notifications/message', params: { level: 'info', data: 'f'.repeat(10000) } });
    const more = () => { while (!res.destroyed && res.write(chunk)); };
    res.on('drain', more);
    more();
  },
  big_event: (m, res) => { events(res); res.write(`data: ${'g'.repeat(m.params.arguments?.bytes ?? 32 << 20)}`); },
  twice: (m, res) => { events(res); res.end(event({ id: m.id, result: text('first') }) + event({ id: m.id, result: text('second') })); },
  hang: () => {},
  raw_smuggle: (m, res) => {
    res.socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n'
      + 'Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n');
  },
  raw_header_flood: (m, res) => { res.socket.write(`HTTP/1.1 200 OK\r\n${'X-Pad: y\r\n'.repeat(100000)}`); },
  raw_two_answers: (m, res) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: m.id, result: text('one') });
    const one = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    res.socket.write(one + one.replace('one', 'two'));
  },
};

const handle = async (m, req, res) => {
  const id = req.headers['mcp-session-id'];
  if (m.method === 'initialize') {
    const fresh = randomUUID();
    sessions.set(fresh, 0);
    result(res, m.id, {
      protocolVersion: m.params.protocolVersion, capabilities: { tools: { listChanged: true } },
      serverInfo: { name: 'bad-http', version: '1' },
    }, flag('stateless') ? {} : { 'mcp-session-id': fresh });
    return;
  }
  if (!flag('stateless')) {
    const used = (sessions.get(id) ?? Infinity) + 1;
    if (used > Number(value('forget', 1e9))) {
      sessions.delete(id);
      req.entry.body = 'of a session that is forgotten'; // nothing is done about it
      if (value('forget-as', '404') === '400') {
        json(res, 400, { jsonrpc: '2.0', error: { code: -32000, message: 'Bad Request: No valid session ID provided' } });
        return;
      }
      json(res, 404, { jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' } });
      return;
    }
    sessions.set(id, used);
  }
  if (m.id === undefined || m.method === undefined) {
    res.writeHead(202);
    res.end();
  } else if (m.method === 'tools/list') {
    result(res, m.id, { tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' } })) });
  } else if (m.method === 'ping') {
    result(res, m.id, {});
  } else if (m.method === 'tools/call' && Object.hasOwn(tools, m.params.name)) {
    await tools[m.params.name](m, res);
  } else {
    json(res, 200, { jsonrpc: '2.0', id: m.id, error: { code: -32601, message: 'Method not found' } });
  }
};

const serve = async (req, res) => {
  if (req.url === '/seen') {
    json(res, 200, { seen });
    return;
  }
  const parts = [];
  try {
    for await (const part of req) parts.push(part);
  } catch {
    return; // who asked was killed in the middle of the request: the next one is served
  }
  const body = Buffer.concat(parts).toString();
  req.entry = { method: req.method, url: req.url, headers: req.headers, body: body.slice(0, 10000) };
  if (!flag('unseen')) seen.push(req.entry);
  const last = req.headers['last-event-id'];
  if (req.method === 'GET' && last !== undefined) {
    const go = parked.get(last);
    parked.delete(last);
    if (!go) res.writeHead(404);
    if (go) events(res);
    if (go) go(res);
    else res.end();
  } else if (req.method === 'GET') {
    events(res);
    res.write(': open\n\n');
    streams.add(res);
    res.on('close', () => streams.delete(res));
  } else if (req.method === 'DELETE') {
    sessions.delete(req.headers['mcp-session-id']);
    res.writeHead(200);
    res.end();
  } else {
    let m;
    try {
      m = JSON.parse(body);
    } catch {
      json(res, 400, { jsonrpc: '2.0', id: null, error: { code: -32700, message: 'Parse error' } });
      return;
    }
    await handle(m, req, res);
  }
};
const http1 = createServer(serve);
const http2 = createServer2(serve);
const server = flag('http2') ? createPlain((socket) => {
  socket.on('error', () => {});
  socket.once('data', (first) => {
    const is2 = first.toString('latin1').startsWith('PRI');
    socket.pause();
    socket.unshift(first);
    (is2 ? http2 : http1).emit('connection', socket);
    if (!is2) socket.resume();
  });
}) : http1;
if (value('tls-port')) {
  createSecureServer({ allowHTTP1: true, cert: readFileSync(value('cert')), key: readFileSync(value('key')) }, serve)
    .listen(Number(value('tls-port')), '127.0.0.1');
}
server.listen(Number(value('port', 0)), '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`);
});
