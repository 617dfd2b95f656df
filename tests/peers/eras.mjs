// SPDX-License-Identifier: Apache-2.0
// A server of both eras without any library, to the contract of the official conformance suite:
// what a gateway must not lose, written down a second time by hand.
//
//   node eras.mjs [--era modern|legacy|both]                    over standard input and output
//   node eras.mjs [--era modern|legacy|both] --http [--port N]  on 127.0.0.1; prints {"port":N}
//
// Tools ask the way of 2026-07-28: they return { inputRequests, requestState } and are called again.
// With --tasks it has those of eras_tasks.mjs, too, for clients of the newer era.
// For a client of the older era each of these becomes a request to it, under its key as id.
// GET /seen tells what was heard: {"seen":[...]}, each with its method, headers and body.
import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const MODERN = '2026-07-28';
const LEGACY = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'];
const args = process.argv.slice(2);
const value = (name, or) => (args.includes(name) ? args[args.indexOf(name) + 1] : or);
const era = value('--era', 'both');
const exits = args.includes('--exit-on-unknown'); // as some older programs do
const I = 'io.modelcontextprotocol/';
const serverInfo = { name: 'eras', version: '1.0.0' };
const seen = [];

class RpcError extends Error {
  constructor(code, message, data, status) { super(message); Object.assign(this, { code, data, status }); }
}
const bad = (message) => new RpcError(-32602, message);

// ---- what it offers ----

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const wav = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=';
const text = (t) => ({ type: 'text', text: t });
const image = { type: 'image', data: png, mimeType: 'image/png' };
const resource = (uri, mimeType, t) => ({ type: 'resource', resource: { uri, mimeType, text: t } });
const content = (...c) => ({ content: c });
const say = (t) => content(text(t));
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });
const string = { type: 'string' };
const object = (properties, required) => ({ type: 'object', properties, ...(required && { required }) });
const choices = (words) => words.map((w, i) => ({ const: `value${i + 1}`, title: w }));

const elicit = (message, requestedSchema) => ({ method: 'elicitation/create', params: { message, requestedSchema } });
const sample = (t, maxTokens) => ({
  method: 'sampling/createMessage', params: { messages: [{ role: 'user', content: text(t) }], maxTokens },
});
const roots = { method: 'roots/list', params: {} };
const form = (name, type = 'string') => object({ [name]: { type } }, [name]);

// requestState is signed: who changes it is refused
const key = randomBytes(32);
const sign = (t) => createHmac('sha256', key).update(t).digest('hex');
const seal = (o) => { const t = Buffer.from(JSON.stringify(o)).toString('base64url'); return `${t}.${sign(t)}`; };
const open = (state) => {
  const [t, mac = ''] = String(state).split('.');
  const want = Buffer.from(sign(t)), got = Buffer.from(mac);
  if (want.length !== got.length || !timingSafeEqual(want, got)) throw bad('requestState was changed');
  return JSON.parse(Buffer.from(t, 'base64url'));
};

const answered = (x, name) => {
  const r = x.responses?.[name];
  return r !== null && typeof r === 'object' ? r : undefined;
};
/** Asks for what is not answered yet; then(answers) once all is. */
const need = (x, requests, then, state) => {
  const missing = Object.keys(requests).filter((k) => answered(x, k) === undefined);
  if (missing.length) {
    return {
      inputRequests: Object.fromEntries(missing.map((k) => [k, requests[k]])),
      ...(state !== undefined && { requestState: seal(state) }),
    };
  }
  return then(Object.fromEntries(Object.keys(requests).map((k) => [k, answered(x, k)])));
};
const elicited = (r) => say(`Elicitation completed: action=${r.action}, content=${JSON.stringify(r.content ?? {})}`);

const extra = { tools: false, prompts: false };
const changed = (kind) => {
  extra[kind] = !extra[kind];
  tell(kind === 'tools' ? 'toolsListChanged' : 'promptsListChanged', `notifications/${kind}/list_changed`, {});
};

const tools = {
  test_simple_text: { run: () => say('This is a simple text response for testing.') },
  test_image_content: { run: () => content(image) },
  test_audio_content: { run: () => content({ type: 'audio', data: wav, mimeType: 'audio/wav' }) },
  test_embedded_resource: {
    run: () => content(resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')),
  },
  test_multiple_content_types: {
    run: () => content(text('Multiple content types test:'), image,
      resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}')),
  },
  test_tool_with_logging: {
    run: async (a, x) => {
      for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
        x.log('info', data);
        await sleep(50);
      }
      return say('logged');
    },
  },
  test_logging_tool: { run: (a, x) => { x.log('info', 'a line'); return say('logged'); } },
  test_tool_with_progress: {
    run: async (a, x) => {
      for (const progress of [0, 50, 100]) {
        x.progress(progress, 100);
        await sleep(50);
      }
      return say(String(x.token ?? 'no token'));
    },
  },
  test_error_handling: { run: () => ({ isError: true, ...say('This tool intentionally returns an error for testing') }) },
  test_sampling: {
    inputSchema: object({ prompt: string }, ['prompt']),
    run: (a, x) => need(x, { reply: sample(a.prompt, 100) }, (r) => say(`LLM response: ${r.reply.content.text}`)),
  },
  test_elicitation: {
    inputSchema: object({ message: string }, ['message']),
    run: (a, x) => need(x, { user: elicit(a.message, object({ username: string, email: string }, ['username', 'email'])) },
      (r) => say(`User response: action: ${r.user.action}, content: ${JSON.stringify(r.user.content ?? {})}`)),
  },
  test_elicitation_sep1034_defaults: {
    run: (a, x) => need(x, {
      defaults: elicit('Check the defaults', object({
        name: { type: 'string', default: 'John Doe' },
        age: { type: 'integer', default: 30 },
        score: { type: 'number', default: 95.5 },
        status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean', default: true },
      })),
    }, (r) => elicited(r.defaults)),
  },
  test_elicitation_sep1330_enums: {
    run: (a, x) => need(x, {
      enums: elicit('Choose', object({
        untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
        titledSingle: { type: 'string', oneOf: choices(['First Option', 'Second Option', 'Third Option']) },
        legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
        untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
        titledMulti: { type: 'array', items: { anyOf: choices(['First Choice', 'Second Choice', 'Third Choice']) } },
      })),
    }, (r) => elicited(r.enums)),
  },
  json_schema_2020_12_tool: {
    inputSchema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: string, city: string } } },
      properties: {
        name: string, address: { $ref: '#/$defs/address' },
        contactMethod: { type: 'string', enum: ['phone', 'email'] }, phone: string, email: string,
      },
      allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
      if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
      then: { required: ['phone'] },
      else: { required: ['email'] },
      additionalProperties: false,
    },
    run: (a) => say(JSON.stringify(a)),
  },
  test_header_tool: {
    inputSchema: object({ region: { ...string, 'x-mcp-header': 'Region' }, n: { type: 'integer', 'x-mcp-header': 'Count' } }, ['region']),
    run: (a) => say(`region ${a.region}`),
  },
  test_input_required_result_elicitation: {
    run: (a, x) => need(x, { user_name: elicit('What is your name?', form('name')) },
      (r) => say(`Hello, ${r.user_name.content?.name}!`)),
  },
  test_input_required_result_sampling: {
    run: (a, x) => need(x, { capital_question: sample('What is the capital of France?', 100) },
      (r) => say(r.capital_question.content.text)),
  },
  test_input_required_result_list_roots: {
    run: (a, x) => need(x, { client_roots: roots }, (r) => say(`Roots: ${r.client_roots.roots.map((o) => o.uri).join(' ')}`)),
  },
  test_input_required_result_request_state: {
    run: (a, x) => {
      if (x.state !== undefined) open(x.state);
      return need(x, { confirm: elicit('Please confirm', form('ok', 'boolean')) }, () => say('state-ok'), { step: 1 });
    },
  },
  test_input_required_result_multiple_inputs: {
    run: (a, x) => {
      if (x.state !== undefined) open(x.state);
      return need(x, {
        user_name: elicit('What is your name?', form('name')),
        greeting: sample('Generate a greeting', 50),
        client_roots: roots,
      }, (r) => say(`${r.greeting.content.text} ${r.user_name.content?.name}`), { step: 1 });
    },
  },
  test_input_required_result_multi_round: {
    run: (a, x) => {
      const at = x.state === undefined ? { step: 1 } : open(x.state);
      if (at.step === 1) {
        return need(x, { step1: elicit('Step 1: What is your name?', form('name')) }, (r) => need(
          { responses: {} }, { step2: elicit('Step 2: What is your favorite color?', form('color')) }, () => {},
          { step: 2, name: r.step1.content?.name }), { step: 1 });
      }
      return need(x, { step2: elicit('Step 2: What is your favorite color?', form('color')) },
        (r) => say(`${at.name} likes ${r.step2.content?.color}`), at);
    },
  },
  test_input_required_result_tampered_state: {
    run: (a, x) => {
      if (x.state !== undefined) open(x.state);
      return need(x, { confirm: elicit('Please confirm', form('ok', 'boolean')) }, () => say('state-ok'), { sealed: true });
    },
  },
  test_input_required_result_capabilities: {
    run: (a, x) => {
      const requests = {
        ...(x.capabilities.sampling && { reply: sample('Say something', 50) }),
        ...(x.capabilities.elicitation && { name: elicit('What is your name?', form('name')) }),
        ...(x.capabilities.roots && { roots }),
      };
      return Object.keys(requests).length ? need(x, requests, () => say('thank you')) : say('nothing can be asked');
    },
  },
  test_missing_capability: {
    run: (a, x) => {
      if (x.modern && !x.capabilities.sampling) {
        throw new RpcError(-32021, 'This needs sampling', { requiredCapabilities: { sampling: {} } }, 400);
      }
      return need(x, { reply: sample('Say something', 50) }, (r) => say(r.reply.content.text));
    },
  },
  test_streaming_elicitation: {
    run: (a, x) => { x.progress(1, 2); return need(x, { name: elicit('What is your name?', form('name')) }, elicited); },
  },
  test_trigger_tool_change: { run: () => { changed('tools'); return say('changed'); } },
  test_trigger_prompt_change: { run: () => { changed('prompts'); return say('changed'); } },
  test_touch: {
    inputSchema: object({ uri: string }, ['uri']),
    run: (a) => { tell('resourceSubscriptions', 'notifications/resources/updated', { uri: a.uri }); return say('touched'); },
  },
  test_slow: {
    inputSchema: object({ ms: { type: 'integer' } }),
    run: async (a, x) => { await sleep(a.ms ?? 1000); if (x.cancelled()) seen.push({ method: 'hung up', body: 'hung up', headers: {} }); return say('slow'); },
  },
  test_asks_for_ever: {
    run: () => need({ responses: {} }, { again: elicit('And now?', form('name')) }, () => {}, { n: seen.length }),
  },
  test_asks_undeclared: { run: () => ({ inputRequests: { forced: sample('Say something', 50) } }) },
  test_asks_nothing: { run: (a, x) => (x.state === undefined ? { requestState: seal({}) } : say('came back')) },
  test_seen: { run: () => say(JSON.stringify(seen)) },
};

const resources = {
  'test://static-text': { name: 'static text', mimeType: 'text/plain', text: 'This is the content of the static text resource.' },
  'test://static-binary': { name: 'static binary', mimeType: 'image/png', blob: png },
  'test://watched-resource': { name: 'watched', mimeType: 'text/plain', text: 'Watched.' },
};
const user = (c) => ({ role: 'user', content: c });
const argument = (name) => ({ name, required: true });
const prompts = {
  test_simple_prompt: { run: () => ({ messages: [user(text('This is a simple prompt for testing.'))] }) },
  test_prompt_with_arguments: {
    arguments: [argument('arg1'), argument('arg2')],
    run: (a) => ({ messages: [user(text(`Prompt with arguments: arg1='${a.arg1}', arg2='${a.arg2}'`))] }),
  },
  test_prompt_with_embedded_resource: {
    arguments: [argument('resourceUri')],
    run: (a) => ({
      messages: [user(resource(a.resourceUri, 'text/plain', 'Embedded resource content for testing.')),
        user(text('Please process the embedded resource above.'))],
    }),
  },
  test_prompt_with_image: { run: () => ({ messages: [user(image), user(text('Please analyze the image above.'))] }) },
  test_input_required_result_prompt: {
    run: (a, x) => need(x, { user_context: elicit('What context should the prompt use?', form('context')) },
      (r) => ({ messages: [user(text(`Use ${r.user_context.content?.context}`))] })),
  },
};

// ---- methods of both eras ----

const subscribe = (p, x) => { x.session.uris.add(p.uri); return {}; };
const methods = {
  'tools/list': () => ({
    tools: [...Object.keys(tools), ...(extra.tools ? ['test_extra'] : [])].map((name) => ({
      name, description: `Fixture: ${name}`, inputSchema: tools[name]?.inputSchema ?? object({}),
    })),
  }),
  'tools/call': (p, x) => {
    if (!Object.hasOwn(tools, p.name)) throw bad('Unknown tool');
    return tools[p.name].run(p.arguments ?? {}, x);
  },
  'resources/list': () => ({
    resources: Object.entries(resources).map(([uri, r]) => ({ uri, name: r.name, mimeType: r.mimeType })),
  }),
  'resources/templates/list': () => ({
    resourceTemplates: [{ uriTemplate: 'test://template/{id}/data', name: 'template', mimeType: 'application/json' }],
  }),
  'resources/read': ({ uri }, x) => {
    const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
    if (id) {
      return { contents: [{ uri, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }] };
    }
    if (!Object.hasOwn(resources, uri)) throw new RpcError(x.modern ? -32602 : -32002, 'Resource not found', { uri });
    const { name, ...rest } = resources[uri];
    return { contents: [{ uri, ...rest }] };
  },
  'prompts/list': () => ({
    prompts: [...Object.keys(prompts), ...(extra.prompts ? ['test_extra'] : [])].map((name) => ({
      name, description: `Fixture: ${name}`, arguments: prompts[name]?.arguments ?? [],
    })),
  }),
  'prompts/get': (p, x) => {
    if (!Object.hasOwn(prompts, p.name)) throw bad('Unknown prompt');
    return prompts[p.name].run(p.arguments ?? {}, x);
  },
  'completion/complete': (p) => {
    const values = ['paris', 'park', 'party'].filter((v) => v.startsWith(p.argument.value));
    return { completion: { values, total: values.length, hasMore: false } };
  },
};
const capabilities = {
  tools: { listChanged: true }, resources: { listChanged: true, subscribe: true }, prompts: { listChanged: true },
  completions: {}, logging: {},
};
if (args.includes('--tasks')) {
  const more = (await import('./eras_tasks.mjs')).default({ say, elicit, form, need, object, sleep, RpcError });
  Object.assign(tools, more.tools);
  Object.assign(methods, more.methods);
  Object.assign(capabilities, more.capabilities);
}
const older = {
  ping: () => ({}),
  'logging/setLevel': () => ({}),
  'resources/subscribe': subscribe,
  'resources/unsubscribe': (p, x) => { x.session.uris.delete(p.uri); return {}; },
};
const cached = new Set(['server/discover', 'tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'resources/read']);
const asks = new Set(['tools/call', 'prompts/get', 'resources/read']);

// ---- who listens: subscriptions/listen of the newer era, sessions of the older ----

const listeners = new Set(); // { id, filter, send }
const sessions = new Map(); // of the older era: id, or 'stdio'
function tell(what, method, params) {
  for (const l of listeners) {
    if (what === 'resourceSubscriptions' ? l.filter[what]?.includes(params.uri) : l.filter[what]) {
      l.send({ method, params: { ...params, _meta: { [`${I}subscriptionId`]: l.id } } });
    }
  }
  for (const s of sessions.values()) {
    if (what !== 'resourceSubscriptions' || s.uris.has(params.uri)) s.send?.({ method, params });
  }
}
const newSession = (send) => ({ uris: new Set(), pending: new Map(), next: 0, capabilities: {}, send });

// ---- the newer era ----

const checkMeta = (m) => {
  const meta = m.params?._meta;
  if (typeof meta?.[`${I}protocolVersion`] !== 'string' || typeof meta[`${I}clientCapabilities`] !== 'object') {
    throw new RpcError(-32602, '_meta lacks what it must hold', undefined, 400);
  }
  if (meta[`${I}protocolVersion`] !== MODERN) {
    throw new RpcError(-32022, 'Unsupported protocol version', { supported: [MODERN], requested: meta[`${I}protocolVersion`] }, 400);
  }
  return meta;
};

/** Answers one request of the newer era; send(message) for what comes before the answer. */
async function modern(m, send, cancelled) {
  const meta = checkMeta(m);
  const rank = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'info', 'debug'];
  const level = rank.indexOf(meta[`${I}logLevel`]);
  const x = {
    modern: true, capabilities: meta[`${I}clientCapabilities`], token: meta.progressToken, cancelled,
    responses: m.params.inputResponses, state: m.params.requestState,
    log: (l, data) => rank.indexOf(l) <= level && send({ method: 'notifications/message', params: { level: l, data } }),
    progress: (progress, total) => meta.progressToken !== undefined
      && send({ method: 'notifications/progress', params: { progressToken: meta.progressToken, progress, total } }),
  };
  let result;
  if (m.method === 'server/discover') result = { supportedVersions: [MODERN], capabilities, instructions: 'A server of both eras.' };
  else if (Object.hasOwn(methods, m.method)) result = await methods[m.method](m.params, x);
  else throw new RpcError(-32601, 'Method not found', undefined, 404);
  const resultType = result.resultType ?? (result.inputRequests || result.requestState ? 'input_required' : 'complete');
  if (resultType === 'input_required' && !asks.has(m.method)) throw new RpcError(-32603, 'it may not ask here');
  return {
    resultType, ...result,
    ...(cached.has(m.method) && resultType === 'complete' && { ttlMs: m.method.endsWith('list') ? 60000 : 1000, cacheScope: 'public' }),
    _meta: { [`${I}serverInfo`]: serverInfo },
  };
}

function listen(m, send) {
  checkMeta(m);
  const filter = m.params.notifications ?? {};
  const l = { id: m.id, filter, send };
  send({ method: 'notifications/subscriptions/acknowledged', params: { notifications: filter, _meta: { [`${I}subscriptionId`]: m.id } } });
  listeners.add(l);
  return () => listeners.delete(l);
}

// ---- the older era ----

/** Asks the client what a tool wants to know, until it has its answer. */
async function withRequests(m, x, send) {
  let result = await methods[m.method](m.params ?? {}, x);
  while (result.inputRequests) {
    const answers = await Promise.all(Object.entries(result.inputRequests).map(([k, r]) => new Promise((resolve, reject) => {
      const id = x.session.pending.has(k) ? `${k}-${x.session.next += 1}` : k;
      x.session.pending.set(id, (a) => (a.error ? reject(new RpcError(a.error.code, a.error.message)) : resolve([k, a.result])));
      send({ id, ...r });
    })));
    x.responses = Object.fromEntries(answers);
    x.state = result.requestState;
    result = await methods[m.method](m.params ?? {}, x);
  }
  return result;
}

async function legacy(m, session, send) {
  const token = m.params?._meta?.progressToken;
  const x = {
    modern: false, session, capabilities: session.capabilities, token, cancelled: () => false,
    log: (level, data) => send({ method: 'notifications/message', params: { level, data } }),
    progress: (progress, total) => token !== undefined
      && send({ method: 'notifications/progress', params: { progressToken: token, progress, total } }),
  };
  if (m.method === 'initialize') {
    session.capabilities = m.params.capabilities;
    return {
      protocolVersion: LEGACY.includes(m.params.protocolVersion) ? m.params.protocolVersion : LEGACY.at(-1), capabilities, serverInfo,
    };
  }
  if (Object.hasOwn(older, m.method)) return older[m.method](m.params ?? {}, x);
  if (Object.hasOwn(methods, m.method)) return withRequests(m, x, send);
  throw new RpcError(-32601, 'Method not found');
}

const failure = (id, e) => ({
  jsonrpc: '2.0', id: id ?? null,
  error: { code: e.code ?? -32603, message: e.message, ...(e.data !== undefined && { data: e.data }) },
});
const note = (m, headers = {}) => seen.push({
  method: m.method, body: JSON.stringify(m), headers: Object.fromEntries(Object.entries(headers).filter(([k]) => k.startsWith('mcp-'))),
});

// ---- standard input and output ----

function stdio() {
  const out = (o) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...o })}\n`);
  process.stdout.on('error', () => process.exit(0)); // whoever read it is gone
  const session = newSession(undefined);
  const stopped = new Set(), listening = new Map();
  const on = async (m) => {
    note(m);
    const isModern = m.params?._meta?.[`${I}protocolVersion`] !== undefined;
    if (m.method === undefined) {
      session.pending.get(m.id)?.(m);
      session.pending.delete(m.id);
      return;
    }
    if (m.id === undefined) {
      if (m.method === 'notifications/initialized') Object.assign(session, { send: out }), sessions.set('stdio', session);
      if (m.method === 'notifications/cancelled') {
        stopped.add(m.params.requestId);
        listening.get(m.params.requestId)?.();
      }
      return;
    }
    try {
      if (isModern ? era === 'legacy' : era === 'modern') {
        if (exits) process.exit(1);
        throw isModern ? new RpcError(-32601, 'Method not found')
          : new RpcError(-32022, 'Unsupported protocol version', { supported: [MODERN], requested: m.params?.protocolVersion });
      }
      if (m.method === 'subscriptions/listen' && isModern) {
        listening.set(m.id, listen(m, out));
        return;
      }
      const result = isModern ? await modern(m, out, () => stopped.has(m.id)) : await legacy(m, session, out);
      if (!stopped.has(m.id)) out({ id: m.id, result });
    } catch (e) {
      out(failure(m.id, e));
    }
  };
  createInterface({ input: process.stdin }).on('line', (line) => { if (line.trim()) on(JSON.parse(line)); })
    .on('close', () => process.exit(0));
}

// ---- Streamable HTTP ----

const decode = (h) => {
  const wrapped = /^=\?base64\?(.*)\?=$/.exec(h ?? '');
  if (!wrapped) return h;
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(wrapped[1])) throw new RpcError(-32020, 'Header mismatch', undefined, 400);
  return Buffer.from(wrapped[1], 'base64').toString();
};
function checkHeaders(m, headers) {
  const differs = (is, should) => { if (is !== should) throw new RpcError(-32020, 'Header mismatch', undefined, 400); };
  const meta = m.params?._meta;
  if (meta?.[`${I}protocolVersion`] !== undefined) differs(headers['mcp-protocol-version'], meta[`${I}protocolVersion`]);
  checkMeta(m);
  differs(headers['mcp-method'], m.method);
  const named = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri',
    'tasks/get': 'taskId', 'tasks/update': 'taskId', 'tasks/cancel': 'taskId' }[m.method];
  if (named) differs(decode(headers['mcp-name']), m.params[named]);
  const properties = m.method === 'tools/call' ? tools[m.params.name]?.inputSchema?.properties ?? {} : {};
  for (const [name, p] of Object.entries(properties)) {
    const is = m.params.arguments?.[name];
    if (p['x-mcp-header']) differs(decode(headers[`mcp-param-${p['x-mcp-header'].toLowerCase()}`]), is === undefined || is === null ? undefined : String(is));
  }
}

function streamOf(res) {
  const open = () => {
    if (!res.headersSent) res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  };
  const send = (o) => { open(); res.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...o })}\n\n`); };
  const end = (o, status = 200, headers = {}) => {
    if (res.headersSent) { send(o); res.end(); return; }
    res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify({ jsonrpc: '2.0', ...o }));
  };
  return { open, send, end };
}

async function post(req, res, m) {
  const version = req.headers['mcp-protocol-version'];
  const isModern = version === MODERN || m.params?._meta?.[`${I}protocolVersion`] !== undefined;
  const s = streamOf(res);
  let gone = false;
  res.on('close', () => { gone = !res.writableFinished; });
  try {
    if (isModern && era !== 'legacy') {
      if (m.id === undefined) { res.writeHead(202).end(); return; }
      checkHeaders(m, req.headers);
      if (m.method === 'subscriptions/listen') {
        res.on('close', listen(m, s.send));
        return;
      }
      s.end({ id: m.id, result: await modern(m, s.send, () => gone) });
      return;
    }
    if (era === 'modern') {
      throw new RpcError(-32022, 'Unsupported protocol version', { supported: [MODERN], requested: m.params?.protocolVersion ?? version ?? '' }, 400);
    }
    if (isModern) throw new RpcError(-32000, 'Bad Request: no session', undefined, 400);
    const id = m.method === 'initialize' ? randomUUID() : req.headers['mcp-session-id'];
    if (m.method === 'initialize') sessions.set(id, newSession(undefined));
    const session = sessions.get(id);
    if (!session) throw new RpcError(-32001, 'Session not found', undefined, id ? 404 : 400);
    if (m.method === undefined) {
      session.pending.get(m.id)?.(m);
      session.pending.delete(m.id);
    }
    if (m.id === undefined || m.method === undefined) { res.writeHead(202).end(); return; }
    s.end({ id: m.id, result: await legacy(m, session, s.send) }, 200, { 'mcp-session-id': id });
  } catch (e) {
    s.end(failure(m.id, e), e.status ?? 200);
  }
}

function http() {
  let hosts;
  const server = createServer(async (req, res) => {
    if (req.url === '/seen') { res.end(JSON.stringify({ seen })); return; }
    const { host, origin } = req.headers;
    if (!hosts.includes(host) || (origin && !hosts.includes(origin.replace(/^http:\/\//, '')))) { res.writeHead(403).end(); return; }
    const session = era === 'modern' ? undefined : sessions.get(req.headers['mcp-session-id']);
    if (req.method === 'GET' && session) {
      const s = streamOf(res);
      s.open();
      res.write(': open\n\n');
      session.send = s.send;
      res.on('close', () => { session.send = undefined; });
    } else if (req.method === 'DELETE' && session) {
      sessions.delete(req.headers['mcp-session-id']);
      res.writeHead(200).end();
    } else if (req.method !== 'POST') {
      res.writeHead(era !== 'modern' && req.headers['mcp-session-id'] ? 404 : 405, { allow: 'POST' }).end();
    } else {
      const parts = [];
      for await (const part of req) parts.push(part);
      let m;
      try {
        m = JSON.parse(Buffer.concat(parts).toString());
      } catch {
        streamOf(res).end(failure(null, new RpcError(-32700, 'Parse error')), 400);
        return;
      }
      note(m, req.headers);
      await post(req, res, m);
    }
  });
  server.listen(Number(value('--port', 0)), '127.0.0.1', () => {
    const { port } = server.address();
    hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
    process.stdout.write(`${JSON.stringify({ port })}\n`);
  });
}

if (args.includes('--http')) http();
else stdio();
