// SPDX-License-Identifier: Apache-2.0
// A client of the 2025-11-25 revision that loses its streams and comes back for the rest, without any
// library, for scenarios.
//
//   node resume.mjs [--header 'Name: value'] URL COMMAND ARGS...
//
// COMMANDS call NAME [JSON]     calls with a progress token, hangs up after the first progress, comes back
//                               with the last id it saw until the answer is there
//          late NAME [JSON]     the same, but comes back when the answer must be there already
//          other NAME [JSON]    the same, but comes back with an id of that session in a session of its own
//          listen NAME [JSON]   loses the session's stream, calls, comes back for what it missed
// Prints each event it got after it came back: {"id":...,"data":...}
const args = process.argv.slice(2);
const own = {};
while (args[0] === '--header') {
  args.shift();
  const h = args.shift();
  own[h.slice(0, h.indexOf(':'))] = h.slice(h.indexOf(':') + 1).trim();
}
const [url, command, name, text] = args;
const out = (o) => process.stdout.write(`${JSON.stringify(o)}\n`);
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });
const headers = (session, more) => ({
  'content-type': 'application/json', accept: 'application/json, text/event-stream',
  'mcp-protocol-version': '2025-11-25', ...(session && { 'mcp-session-id': session }), ...own, ...more,
});
const post = (session, m) => fetch(url, {
  method: 'POST', headers: headers(session), body: JSON.stringify({ jsonrpc: '2.0', ...m }),
});
const get = (session, last, signal) => fetch(url, {
  signal, headers: headers(session, { accept: 'text/event-stream', ...(last && { 'last-event-id': last }) }),
});

async function open() {
  const r = await post(undefined, {
    id: 0, method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'resume', version: '1' } },
  });
  await r.text();
  const session = r.headers.get('mcp-session-id');
  await (await post(session, { method: 'notifications/initialized' })).text();
  return session;
}

/** Each event; ids are given even where there is no data. */
async function* events(response) {
  let rest = '';
  for await (const bytes of response.body) {
    rest += Buffer.from(bytes).toString();
    const parts = rest.split('\n\n');
    rest = parts.pop();
    for (const part of parts) {
      const field = (n) => part.split('\n').find((l) => l.startsWith(`${n}: `))?.slice(n.length + 2);
      if (field('id') !== undefined) yield { id: field('id'), data: field('data') };
    }
  }
}

/** A call whose stream is lost after its first progress: the last id that came. */
async function lose(session) {
  const response = await post(session, {
    id: 1, method: 'tools/call', params: { name, arguments: JSON.parse(text ?? '{}'), _meta: { progressToken: 'p' } },
  });
  for await (const e of events(response)) {
    if (e.data) return e.id; // who leaves the loop closes the connection
  }
  throw new Error('its stream ended');
}
async function rest(session, last, ms = 5000) {
  const abort = new AbortController();
  const end = setTimeout(() => abort.abort(), ms);
  try {
    for await (const e of events(await get(session, last, abort.signal))) {
      out(e);
      if (e.data && JSON.parse(e.data).id === 1) break;
    }
  } catch (e) {
    if (e.name !== 'AbortError') throw e;
  }
  clearTimeout(end);
}

const session = await open();
if (command === 'call') {
  await rest(session, await lose(session));
} else if (command === 'late') {
  const last = await lose(session);
  await sleep(1000);
  await rest(session, last);
} else if (command === 'other') {
  const last = await lose(session);
  await sleep(1000);
  await rest(await open(), last, 500);
} else if (command === 'listen') {
  let last;
  for await (const e of events(await get(session))) {
    last = e.id;
    break;
  }
  await sleep(200);
  await (await post(session, { id: 2, method: 'tools/list' })).text();
  await (await post(session, { id: 3, method: 'tools/call', params: { name, arguments: JSON.parse(text ?? '{}') } })).text();
  await sleep(500);
  await rest(session, last, 1000);
}
process.exit(0);
