// SPDX-License-Identifier: Apache-2.0
// server-everything over HTTP+SSE (2024-11-05), behind a front that writes down what it is sent and, when asked
// to, misbehaves. Prints {"port":N}. GET /seen answers what it received, as JSON; GET /cut ends every stream.
//
//   node everything_sse.mjs [--endpoint TEXT] [--refuse-posts]
//
// --endpoint: what the stream names for messages, in place of the server's own. --refuse-posts: 500 to each.
import { createServer, request } from 'node:http';
import { connect } from 'node:net';

const value = (name) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
};
const endpoint = value('endpoint');
const refuses = process.argv.includes('--refuse-posts');
const seen = [];
const streams = new Set();
const free = () => new Promise((done) => {
  const s = createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); });
});
const port = await free();
process.env.PORT = String(port);
process.argv = [process.argv[0], process.argv[1], 'sse'];
process.on('SIGTERM', () => process.exit(0));
await import('@modelcontextprotocol/server-everything/dist/index.js');
const isUp = () => new Promise((done) => {
  const s = connect(port, '127.0.0.1', () => { s.destroy(); done(true); });
  s.on('error', () => done(false));
});
while (!await isUp()) await new Promise((done) => { setTimeout(done, 50); });

const front = createServer(async (req, res) => {
  if (req.url === '/seen') {
    res.end(JSON.stringify({ seen }));
    return;
  }
  if (req.url === '/cut') {
    streams.forEach((s) => s.destroy());
    res.end();
    return;
  }
  const parts = [];
  for await (const part of req) parts.push(part);
  const body = Buffer.concat(parts);
  seen.push({ method: req.method, url: req.url, headers: req.headers, body: body.toString().slice(0, 10000) });
  if (refuses && req.method === 'POST') {
    res.writeHead(500).end('no');
    return;
  }
  const path = req.method === 'GET' ? '/sse' : req.url;
  const up = request({ port, host: '127.0.0.1', method: req.method, path, headers: req.headers }, (answer) => {
    if (req.method === 'GET') streams.add(res);
    res.on('close', () => { streams.delete(res); up.destroy(); });
    res.writeHead(answer.statusCode, answer.headers);
    let first = endpoint !== undefined && req.method === 'GET';
    answer.on('data', (d) => {
      res.write(first ? d.toString().replace(/data: .*/, `data: ${endpoint}`) : d);
      first = false;
    });
    answer.on('end', () => res.end());
    answer.on('error', () => res.destroy());
  });
  up.on('error', () => res.destroy());
  up.end(body);
});
front.listen(0, '127.0.0.1', () => process.stdout.write(`${JSON.stringify({ port: front.address().port })}\n`));
