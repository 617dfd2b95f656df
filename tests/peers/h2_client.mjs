// SPDX-License-Identifier: Apache-2.0
// An MCP client on Node's own HTTP/2, without other dependencies: many calls at once on one
// connection, which no SDK does.
//
//   node h2_client.mjs URL [--ca FILE] COMMAND
//
//   calls N TOOL    N calls at once, each with a nonce: prints how many got their own back
//   events TOOL     one call whose answer comes by events: prints the methods, then the text
//   resets N TOOL   N calls, each reset at once: prints the error code the server goes away with
//
// A URL with http is spoken to in HTTP/2 by prior knowledge, with https by ALPN. Exits 1 when
// something else happened.
import { connect, constants } from 'node:http2';
import { readFileSync } from 'node:fs';

const args = process.argv.slice(2);
const url = new URL(args.shift());
const ca = args[0] === '--ca' ? readFileSync(args.splice(0, 2)[1]) : undefined;
const [command, ...rest] = args;
const client = connect(url, { ca });
const common = { ':method': 'POST', ':path': url.pathname, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
let session = {};
let id = 0;

const open = (method, params, endStream = true) => {
  const stream = client.request({ ...common, ...session });
  stream.write(JSON.stringify({ jsonrpc: '2.0', id: id += 1, method, params }));
  if (endStream) stream.end();
  return stream;
};
const whole = (stream) => new Promise((done, fail) => {
  let text = '';
  let headers;
  stream.on('response', (h) => { headers = h; });
  stream.setEncoding('utf8');
  stream.on('data', (d) => { text += d; });
  stream.on('end', () => done({ headers, text }));
  stream.on('error', fail);
});
const fail = (why) => { console.log(why); process.exit(1); };
client.on('error', (e) => fail(`error ${e.code ?? e.message}`));

const first = await whole(open('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'h2', version: '1' } }));
session = { 'mcp-session-id': first.headers['mcp-session-id'] };

if (command === 'calls') {
  const n = Number(rest[0]);
  const answers = await Promise.all(Array.from({ length: n }, async (_, i) => {
    const { text } = await whole(open('tools/call', { name: rest[1], arguments: { nonce: `n${i}` } }));
    return JSON.parse(text).result?.content[0].text === `n${i}`;
  }));
  console.log(`${answers.filter(Boolean).length} of ${n} got their own answer`);
} else if (command === 'events') {
  const { headers, text } = await whole(open('tools/call', { name: rest[0], arguments: {}, _meta: { progressToken: 7 } }));
  const events = text.split('\n').filter((l) => l.startsWith('data: ') && l.length > 6).map((l) => JSON.parse(l.slice(6)));
  console.log(headers['content-type'], events.map((e) => e.method ?? e.result.content[0].text).join(' '));
} else if (command === 'resets') {
  client.on('goaway', (code) => { console.log(`went away with ${code}`); process.exit(0); });
  for (let i = 0; i < Number(rest[0]) && !client.destroyed; i += 1) {
    const stream = open('tools/call', { name: rest[1], arguments: {} }, false);
    stream.on('error', () => {});
    stream.close(constants.NGHTTP2_CANCEL);
    if (i % 50 === 49) await new Promise((done) => { setTimeout(done, 5); });
  }
  await new Promise((done) => { setTimeout(done, 5000); });
  fail('nothing happened');
}
client.close();
