// SPDX-License-Identifier: Apache-2.0
// A stdio MCP server without dependencies that misbehaves on request. Each tool is one way to
// misbehave; `echo`, `exotic`, `heard` and `jail` behave. Options change what happens at the start.
//
//   node bad_server.mjs [--name N] [--no-initialize] [--exit-at-start] [--version V] [--pages N]
//                       [--cursor-loop] [--bad-names] [--noise] [--stay] [--instructions TEXT]
//                       [--resources] [--tasks] [--also NAME,NAME] [--poison DESCRIPTION]
import { readFileSync, writeFileSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const flag = (name) => process.argv.includes(`--${name}`);
const value = (name, other) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? other : process.argv[at + 1];
};
const heard = [];
const cancelled = [];
let extra = 0;
const described = {}; // what descriptions have become
const restated = { size: 1, annotations: { lastModified: '2026-01-01T00:00:00Z' } }; // of its resources

const write = (text) => process.stdout.write(text);
const send = (o) => write(`${JSON.stringify({ jsonrpc: '2.0', ...o })}\n`);
const text = (t, more) => ({ content: [{ type: 'text', text: String(t) }], ...more });
const answer = (id, result) => send({ id, result });
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });
const attempt = async (f) => {
  try {
    return String(await f());
  } catch (e) {
    return `error ${e.code ?? e.message}`;
  }
};
const dial = (host, port) => new Promise((done, fail) => {
  const s = connect({ host, port: Number(port), timeout: 2000 });
  s.on('connect', () => { s.destroy(); done('connected'); });
  s.on('timeout', () => { s.destroy(); fail(Object.assign(new Error(), { code: 'TIMEOUT' })); });
  s.on('error', fail);
});

if (flag('exit-at-start')) process.exit(3);
if (flag('noise')) write('Starting up...\n\x1b[32mready\x1b[0m\n');
process.on('SIGTERM', () => { if (!flag('stay')) process.exit(0); });

const tools = {
  // behaves
  echo: (id, a) => answer(id, text(a.nonce ?? a.text ?? 'echo')),
  exotic: (id) => write(`{ "id":${JSON.stringify(id)} ,"jsonrpc":"2.0","result":{"content":[],`
    + '"structuredContent":{"big":12345678901234567890,"text":1.10,"none":null},'
    + '"_meta":{"vendor/x":{"deep":[[]]}},"unknown":"\\u00fc"}}\n'),
  odd_envelope: (id) => write(`{"x-odd":[1.0],"id":${JSON.stringify(id)},"jsonrpc":"2.0","result":{"content":[]}}\n`),
  heard: (id) => answer(id, text(JSON.stringify({ heard, cancelled }))),
  freeze: (id) => {
    answer(id, text('frozen'));
    setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 50);
  },
  slow: async (id, a) => { await sleep(a.ms ?? 1000); answer(id, text(a.nonce ?? 'slept')); },
  progress: async (id, a, meta) => {
    for (let i = 1; i <= (a.n ?? 3); i += 1) {
      if (meta.progressToken !== undefined) {
        send({ method: 'notifications/progress', params: { progressToken: meta.progressToken, progress: i, total: a.n ?? 3 } });
      }
      await sleep(10);
    }
    answer(id, text('done'));
  },
  log: (id, a) => {
    send({ method: 'notifications/message', params: { level: a.level ?? 'info', logger: 'bad', data: 'a line' } });
    answer(id, text('logged'));
  },
  log_later: async (id, a) => {
    answer(id, text('will be logged'));
    await sleep(a.ms ?? 100);
    for (const level of a.levels ?? ['info']) send({ method: 'notifications/message', params: { level, logger: 'bad', data: `later: ${level}` } });
  },
  add_tool: (id) => {
    extra += 1;
    answer(id, text('added'));
    send({ method: 'notifications/tools/list_changed' });
  },
  redescribe: (id, a) => {
    described[a.tool] = a.description;
    answer(id, text('done'));
    send({ method: 'notifications/tools/list_changed' });
  },
  reshape: (id, a) => {
    schemas[a.tool] = { inputSchema: a.schema };
    answer(id, text('done'));
    send({ method: 'notifications/tools/list_changed' });
  },
  restate: (id, a) => {
    Object.assign(restated, a);
    answer(id, text('done'));
    send({ method: 'notifications/resources/list_changed' });
  },
  same_tools: (id) => { answer(id, text('same')); send({ method: 'notifications/tools/list_changed' }); },
  jail: async (id, a) => answer(id, text(JSON.stringify({
    read: a.read && await attempt(() => readFileSync(a.read, 'utf8').slice(0, 100)),
    write: a.write && await attempt(() => { writeFileSync(a.write, 'x'); return 'written'; }),
    list: a.list && await attempt(() => readdirSync(a.list).length),
    dial: a.dial && await attempt(() => dial(...a.dial.split(' '))),
    uid: process.getuid(), cwd: process.cwd(), env: Object.keys(process.env).sort(), pid: process.pid,
  }))),
  // has a schema of its own, below
  strict: (id, a) => answer(id, text(`sent ${a.count}`)),
  promise: (id, a) => write(`${JSON.stringify({ jsonrpc: '2.0', id, result: { ...text('as promised?'), structuredContent: a.value } })
    .replace('structuredContent', a.spelt ?? 'structuredContent')}\n`),
  elsewhere: (id) => answer(id, text('nobody checked')),
  // misbehaves
  fail: (id) => answer(id, text('it failed', { isError: true })),
  error: (id, a) => send({ id, error: { code: a.code ?? -32050, message: 'upstream says no', data: { secret: 'stack trace' } } }),
  never: () => {},
  die: () => process.exit(7),
  die_after: (id) => { answer(id, text('last words')); setTimeout(() => process.exit(7), 20); },
  half: (id) => { write(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"res`); setTimeout(() => process.exit(7), 20); },
  close_stdout: () => { process.stdout.end(); },
  garbage: (id) => { write('this is not JSON\n{"neither": this}\n\x00\xff\n[]\n'); answer(id, text('after garbage')); },
  invalid_utf8: (id) => {
    process.stdout.write(Buffer.concat([Buffer.from(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[{"type":"text","text":"`),
      Buffer.from([0xff, 0xfe]), Buffer.from('"}]}}\n')]));
  },
  duplicate_keys: (id) => write(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[]},"result":{"content":[1]}}\n`),
  case_keys: (id) => write(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"Result":{"content":[]},"result":{"content":[]}}\n`),
  pretty: (id) => write(`${JSON.stringify({ jsonrpc: '2.0', id, result: text('pretty') }, null, 2)}\n`),
  batch: (id) => write(`${JSON.stringify([{ jsonrpc: '2.0', id, result: text('in a batch') }])}\n`),
  stray_progress: (id, a, meta) => {
    const tell = (progressToken) => send({ method: 'notifications/progress', params: { progressToken, progress: 1, message: 'stray' } });
    tell('made up');
    tell(999999999);
    answer(id, text('answered'));
    if (meta.progressToken !== undefined) tell(meta.progressToken);
  },
  twice: (id) => { answer(id, text('first')); answer(id, text('second')); },
  unknown_id: (id) => { answer(999999999, text('for nobody')); answer(id, text('for you')); },
  string_id: (id) => { answer(String(id), text('wrong type of id')); setTimeout(() => answer(id, text('right')), 50); },
  null_id: (id) => { answer(null, text('null')); answer(id, text('right')); },
  no_result: (id) => send({ id }),
  array_result: (id) => answer(id, ['not', 'an', 'object']),
  flood: (id, a) => {
    const line = `${'x'.repeat(a.width ?? 1000)}\n`;
    for (let i = 0; i < (a.lines ?? 10000); i += 1) write(line);
    answer(id, text('after the flood'));
  },
  flood_line: (id, a) => {
    const part = 'y'.repeat(65536);
    for (let n = a.bytes ?? 64 << 20; n > 0; n -= part.length) write(part);
    write('\n');
    answer(id, text('after the line'));
  },
  flood_stderr: (id, a) => { process.stderr.write('e'.repeat(a.bytes ?? 4 << 20)); answer(id, text('after stderr')); },
  big: (id, a) => answer(id, text('b'.repeat(a.bytes ?? 1 << 20))),
  late_progress: (id, a, meta) => {
    answer(id, text('done'));
    send({ method: 'notifications/progress', params: { progressToken: meta.progressToken ?? 1, progress: 1 } });
  },
  false_progress: (id) => {
    send({ method: 'notifications/progress', params: { progressToken: 'nobody', progress: 1 } });
    answer(id, text('done'));
  },
  storm: (id, a) => {
    for (let i = 0; i < (a.n ?? 1000); i += 1) send({ method: 'notifications/tools/list_changed' });
    answer(id, text('storm over'));
  },
  // asks the client; before that it waits, after that it takes the request back or ends the call
  ask_client: async (id, a) => {
    asked += 1;
    const ask = a.id ?? `ask-${asked}`;
    await sleep(a.wait ?? 0);
    waiting.set(ask, (m) => {
      answers.push(m.result ?? m.error);
      answer(id, text(JSON.stringify(m.result ?? m.error)));
    });
    send({ id: ask, method: a.method ?? 'roots/list', params: a.params ?? {} });
    if (a.back !== undefined) {
      await sleep(a.back);
      send({ method: 'notifications/cancelled', params: { requestId: ask } });
      await sleep(100);
      answer(id, text('taken back'));
    }
    if (a.end !== undefined) {
      waiting.set(ask, (m) => answers.push(m.result ?? m.error));
      await sleep(a.end);
      answer(id, text('ended without it'));
    }
  },
  ask_nobody: (id) => {
    answer(id, text('asked'));
    setTimeout(() => {
      waiting.set('late', (m) => answers.push(m.result ?? m.error));
      send({ id: 'late', method: 'elicitation/create', params: { message: 'Still there?', requestedSchema: { type: 'object', properties: {} } } });
    }, 50);
  },
  answers: (id) => answer(id, text(JSON.stringify(answers))),
  touch: (id, a) => {
    send({ method: 'notifications/resources/updated', params: { uri: a.uri, 'x-kept': 1.0 } });
    answer(id, text('touched'));
  },
  complete: (id, a) => {
    send({ method: 'notifications/elicitation/complete', params: { elicitationId: a.elicitationId } });
    answer(id, text('said'));
  },
};
let asked = 0;
const answers = [];
const waiting = new Map();

// Tasks of 2025-11-25, ids as the caller wants them: they are guessable, which a good server's are not.
const tasks = new Map();
const now = () => new Date().toISOString();
const stand = (t) => ({ taskId: t.taskId, status: t.status, createdAt: t.at, lastUpdatedAt: now(), ttl: t.ttl });
const related = (t) => ({ _meta: { 'io.modelcontextprotocol/related-task': { taskId: t.taskId } } });
const settle = (t, status) => {
  t.status = status;
  send({ method: 'notifications/tasks/status', params: stand(t) });
  t.waits.forEach((done) => done());
};
const taskCall = (m) => {
  const a = m.params.arguments ?? {};
  const t = { taskId: a.id ?? 't1', status: 'working', at: now(), ttl: m.params.task.ttl ?? null, waits: [], a };
  tasks.set(t.taskId, t);
  answer(m.id, { task: stand(t) });
  if (a.ms !== undefined) setTimeout(() => settle(t, 'completed'), a.ms);
};
const taskMethods = {
  'tasks/get': (id, t) => answer(id, stand(t)),
  'tasks/cancel': (id, t) => { settle(t, 'cancelled'); answer(id, stand(t)); },
  'tasks/result': async (id, t) => {
    if (t.status === 'working') await new Promise((done) => { t.waits.push(done); });
    const sum = t.a.lie ? 'no number' : 3;
    answer(id, text(`result of ${t.taskId}`, { structuredContent: { sum }, ...related(t) }));
  },
};

const schemas = {
  job: {
    inputSchema: { type: 'object' },
    outputSchema: { type: 'object', properties: { sum: { type: 'integer' } }, required: ['sum'] },
    execution: { taskSupport: 'optional' },
  },
  strict: {
    inputSchema: {
      type: 'object',
      properties: { to: { type: 'string', pattern: '^[a-z]+@example\\.org$' }, count: { type: 'integer', maximum: 3 } },
      required: ['to', 'count'],
      additionalProperties: false,
    },
  },
  promise: {
    inputSchema: { type: 'object' },
    outputSchema: { type: 'object', properties: { sum: { type: 'integer' } }, required: ['sum'], additionalProperties: false },
  },
  elsewhere: { inputSchema: { type: 'object', $ref: 'http://127.0.0.1:1/schema.json' } },
};
const list = (cursor) => {
  const all = Object.keys(tools).concat(flag('tasks') ? ['job'] : []).map((name) => ({
    name, description: `Misbehaves: ${name}`, inputSchema: { type: 'object' }, ...schemas[name],
    ...(described[name] && { description: described[name] }),
  }));
  for (let i = 0; i < extra; i += 1) all.push({ name: `extra_${i}`, inputSchema: { type: 'object' } });
  for (const name of value('also', '').split(',')) if (name) all.push({ name, inputSchema: { type: 'object' } });
  if (value('poison')) {
    const description = value('poison').replace(/U\+([0-9A-F]+);/g, (_, c) => String.fromCodePoint(parseInt(c, 16)));
    all.push({ name: 'poisoned', description, inputSchema: { type: 'object' } });
  }
  if (flag('bad-names')) {
    all.push({ name: 'with space' }, { name: '' }, { name: 'echo', description: 'a second one' }, { name: 'x', Name: 'y' }, {}, 7);
  }
  const pages = Number(value('pages', 1));
  const page = cursor === undefined ? 0 : Number(cursor);
  const size = Math.ceil(all.length / pages);
  const next = flag('cursor-loop') ? '0' : page + 1 < pages ? String(page + 1) : undefined;
  return { tools: all.slice(page * size, (page + 1) * size), ...(next !== undefined && { nextCursor: next }) };
};

const receive = async (m) => {
  if (m.method === undefined) {
    waiting.get(m.id)?.(m);
    return;
  }
  heard.push(m.method === 'tools/call' ? `tools/call ${m.params?.name}` : m.method);
  if (m.method === 'initialize') {
    if (flag('no-initialize')) return;
    answer(m.id, {
      protocolVersion: value('version', m.params.protocolVersion),
      capabilities: { tools: { listChanged: true }, logging: {}, ...(flag('tasks') && { tasks: { cancel: {}, requests: { tools: { call: {} } } } }), ...(flag('resources') && { resources: { subscribe: true, listChanged: true } }) },
      serverInfo: { name: value('name', 'bad-server'), version: '1' },
      ...(value('instructions') && { instructions: value('instructions') }),
    });
  } else if (m.method === 'notifications/cancelled') {
    cancelled.push(m.params?.requestId);
  } else if (m.method === 'ping' || m.method === 'logging/setLevel') {
    answer(m.id, {});
  } else if (flag('resources') && m.method === 'resources/list') {
    answer(m.id, { resources: ['bad://a', 'bad://b'].map((uri) => ({ uri, name: uri, ...restated })) });
  } else if (flag('resources') && (m.method === 'resources/subscribe' || m.method === 'resources/unsubscribe')) {
    if (m.params.uri === 'bad://b') send({ id: m.id, error: { code: -32050, message: 'not this one' } });
    else answer(m.id, {});
  } else if (flag('tasks') && Object.hasOwn(taskMethods, m.method)) {
    const t = tasks.get(m.params.taskId);
    if (t) taskMethods[m.method](m.id, t);
    else send({ id: m.id, error: { code: -32602, message: 'No such task here' } });
  } else if (flag('tasks') && m.method === 'tools/call' && m.params.name === 'job') {
    if (m.params.task) taskCall(m);
    else answer(m.id, text('done at once', { structuredContent: { sum: 3 } }));
  } else if (m.method === 'tools/list') {
    answer(m.id, list(m.params?.cursor));
  } else if (m.method === 'tools/call') {
    const tool = Object.hasOwn(tools, m.params.name) && tools[m.params.name];
    if (tool) await tool(m.id, m.params.arguments ?? {}, m.params._meta ?? {});
    else send({ id: m.id, error: { code: -32602, message: 'Unknown tool' } });
  } else if (m.id !== undefined) {
    send({ id: m.id, error: { code: -32601, message: 'Method not found' } });
  }
};

const lines = createInterface({ input: process.stdin, crlfDelay: Infinity });
lines.on('line', (line) => {
  let m;
  try {
    m = JSON.parse(line);
  } catch {
    heard.push(`not JSON: ${line.slice(0, 100)}`);
    return;
  }
  receive(m);
});
lines.on('close', () => { if (flag('stay')) setInterval(() => {}, 1000); else process.exit(0); });
