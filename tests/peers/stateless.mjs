// SPDX-License-Identifier: Apache-2.0
// A small client of the 2026-07-28 revision without any library, for scenarios.
//
//   node stateless.mjs [OPTIONS] URL COMMAND ARGS...
//
// Prints one line of JSON for each answer, exits 0 when the last one is a result.
//
// OPTIONS  --header 'Name: value'   on every request (repeatable)
//          --offers A,B             capabilities: sampling, elicitation, roots, tasks (default: none)
// COMMANDS call NAME [JSON]         follows what it is asked to the end; "asked" lists the questions
//          request METHOD [JSON]    one request with these params
//          ask NAME [JSON]          the first answer only, and its requestState alone on a second line
//          job NAME [JSON]          the same of one that becomes a task, each request on a connection of its own; "polls"
//          back STATE NAME [JSON]   comes back with that state and with answers to all keys below
//          twice NAME [JSON]        comes back twice with the same state: prints the second answer
//          tampered NAME [JSON]     comes back with the state changed
//          leave MS NAME [JSON]     hangs up after that time
//          listen FILTER MS         subscriptions/listen with this filter for that time; prints each message
const args = process.argv.slice(2);
const headers = {};
let offers = [];
while (args[0]?.startsWith('--')) {
  const o = args.shift(), v = args.shift();
  if (o === '--header') headers[v.slice(0, v.indexOf(':'))] = v.slice(v.indexOf(':') + 1).trim();
  else if (o === '--offers') offers = v.split(',');
  else throw new Error(`unknown option ${o}`);
}
const [url, command, ...rest] = args;
const I = 'io.modelcontextprotocol/';
const out = (o) => process.stdout.write(`${JSON.stringify(o)}\n`);
let id = 0;

const post = (method, params, signal) => fetch(url, {
  method: 'POST',
  signal,
  headers: {
    'content-type': 'application/json', accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28', 'mcp-method': method,
    ...((params.name ?? params.uri ?? params.taskId) && { 'mcp-name': params.name ?? params.uri ?? params.taskId }), ...headers,
  },
  body: JSON.stringify({
    jsonrpc: '2.0', id: id += 1, method,
    params: {
      ...params,
      _meta: {
        [`${I}protocolVersion`]: '2026-07-28', [`${I}clientInfo`]: { name: 'stateless', version: '1' },
        [`${I}clientCapabilities`]: Object.fromEntries(offers.map((o) => (
          o === 'tasks' ? ['extensions', { [`${I}tasks`]: {} }] : [o, {}]))),
      },
    },
  }),
});

/** Each message of an answer, be it one or a stream. */
async function* messages(response) {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
    const text = await response.text();
    if (text) yield JSON.parse(text);
    return;
  }
  let rest = '';
  for await (const bytes of response.body) {
    rest += Buffer.from(bytes).toString();
    const events = rest.split('\n\n');
    rest = events.pop();
    for (const e of events) {
      const data = e.split('\n').filter((l) => l.startsWith('data: ')).map((l) => l.slice(6)).join('\n');
      if (data) yield JSON.parse(data);
    }
  }
}
const request = async (method, params) => {
  const response = await post(method, params);
  let last;
  for await (const m of messages(response)) last = m;
  return { status: response.status, ...last };
};

const defaults = (r) => Object.fromEntries(Object.entries(r.params?.requestedSchema?.properties ?? {})
  .filter(([, p]) => 'default' in p).map(([k, p]) => [k, p.default]));
const answerTo = (r) => ({
  'elicitation/create': {
    action: 'accept', content: { name: 'Ann', username: 'ann', email: 'ann@example.org', ok: true, ...defaults(r) },
  },
  'sampling/createMessage': { role: 'assistant', model: 'fixed', content: { type: 'text', text: 'a fixed answer' } },
  'roots/list': { roots: [{ uri: 'file:///stateless', name: 'root' }] },
})[r.method];
const answers = (result) => Object.fromEntries(Object.entries(result.inputRequests ?? {}).map(([k, r]) => [k, answerTo(r)]));
const call = (name, text, more = {}) => request('tools/call', { name, arguments: JSON.parse(text ?? '{}'), ...more });
const back = (name, text, first, state) => call(name, text, { inputResponses: answers(first.result), requestState: state });
const finish = (m) => { out(m); process.exit(m.result ? 0 : 1); };

const commands = {
  call: async (name, text) => {
    const asked = [];
    let m = await call(name, text);
    while (m.result?.resultType === 'input_required') {
      asked.push(m.result.inputRequests);
      m = await back(name, text, m, m.result.requestState);
    }
    finish({ ...m, asked, rounds: asked.length });
  },
  job: async (name, text) => {
    const asked = [], polls = [];
    headers.connection = 'close';
    let m = await call(name, text);
    const given = m.result, taskId = given?.taskId;
    while (taskId && !m.error && (polls.length < 12 || ['working', 'input_required'].includes(m.result.status))) {
      m = await request('tasks/get', { taskId });
      polls.push(m.result?.status);
      if (Object.keys(m.result?.inputRequests ?? {}).length) {
        asked.push(m.result.inputRequests);
        await request('tasks/update', { taskId, inputResponses: answers(m.result) });
      }
      await new Promise((done) => { setTimeout(done, given.pollIntervalMs); });
    }
    finish({ ...m, given, asked, polls });
  },
  request: async (method, text) => finish(await request(method, JSON.parse(text ?? '{}'))),
  ask: async (name, text) => {
    const m = await call(name, text);
    out(m);
    process.stdout.write(`${m.result?.requestState ?? ''}\n`);
    process.exit(m.result ? 0 : 1);
  },
  back: async (state, name, text) => finish(await call(name, text, {
    requestState: state,
    inputResponses: Object.fromEntries(['user_name', 'confirm', 'name', 'step1'].map((k) => [k, answerTo({ method: 'elicitation/create' })])),
  })),
  twice: async (name, text) => {
    const m = await call(name, text);
    await back(name, text, m, m.result.requestState);
    finish(await back(name, text, m, m.result.requestState));
  },
  tampered: async (name, text) => {
    const m = await call(name, text), s = m.result.requestState, at = s.length - 20;
    finish(await back(name, text, m, s.slice(0, at) + (s[at] === 'A' ? 'B' : 'A') + s.slice(at + 1)));
  },
  leave: async (ms, name, text) => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), Number(ms));
    await post('tools/call', { name, arguments: JSON.parse(text ?? '{}') }, abort.signal).then((r) => r.text()).catch(() => {});
    out({ left: true });
  },
  listen: async (filter, ms) => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), Number(ms));
    try {
      for await (const m of messages(await post('subscriptions/listen', { notifications: JSON.parse(filter) }, abort.signal))) out(m);
    } catch (e) {
      if (e.name !== 'AbortError') throw e;
    }
    process.exit(0);
  },
};
await commands[command](...rest);
