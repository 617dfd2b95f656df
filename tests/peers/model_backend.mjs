// SPDX-License-Identifier: Apache-2.0
// An OpenAI- and Anthropic-compatible back end without dependencies: deterministic, plain and streaming.
// Prints {"port":N} once it listens on 127.0.0.1. GET /seen answers what it received, as JSON.
//
//   node model_backend.mjs [--port N] [--model NAME]... [--delay MS] [--strict ENGINE] [--pieces N]
//
// With --strict it refuses, as that engine would, what is not of its dialect: chat, messages, responses or mistral.
// "break" makes it answer 500, "late" 504.
// Asked to "use" a tool it calls each that is offered; "think" makes it think first; "long" ends by length.
// "with TEXT" at the end goes into the arguments, "invent" makes it say [email-5].
// It answers the last user message by "echo: TEXT", a word a chunk, or N characters. A model whose name begins with
// "bad-" misbehaves: bad-500, bad-html, bad-429, bad-json, bad-cut, bad-hang, bad-flood,
// bad-wait (a stream begins, and nothing is said in it), bad-start (a comment that is too long),
// bad-usage (counts that are no numbers), bad-no-usage, bad-no-done, bad-event (not JSON),
// bad-length (finish_reason length), bad-tools (calls a tool), bad-redirect.
import { createServer } from 'node:http';

const values = (name) => process.argv.flatMap((a, i) => (a === `--${name}` ? [process.argv[i + 1]] : []));
const models = values('model').length ? values('model') : ['small'];
const delay = Number(values('delay')[0] ?? 0);
const strict = values('strict')[0];
const seen = [];
const closed = []; // answers that were given up before their end
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });
const words = (s) => s.split(' ').filter(Boolean);
const pieces = Number(values('pieces')[0] ?? 0);
const cut = (s) => (pieces ? s.match(new RegExp(`.{1,${pieces}}`, 'gsu')) : words(s).map((w) => `${w} `));
const cityOf = (reply) => ({ city: reply.match(/ with (.*)$/s)?.[1] ?? 'Köln' });
const cutArguments = (reply) => (pieces ? cut(JSON.stringify(cityOf(reply))) : ['{"city":', `${JSON.stringify(cityOf(reply).city)}}`]);
const say = (s) => `echo: ${s}${s.includes('invent') ? ' [email-5]' : ''}`;

const json = (res, status, o, headers) => {
  const body = JSON.stringify(o);
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers });
  res.end(body);
};
const fail = (res, status, message) => json(res, status, { error: { message, type: 'server_error', param: null, code: null } });

const plain = (messages) => {
  const last = messages.filter((m) => m.role === 'user' || m.role === 'tool').at(-1)?.content ?? '';
  return typeof last === 'string' ? last : last.map((p) => p.text ?? '').join(' ');
};
const usageOf = (q, reply) => {
  const input = q.messages.reduce((n, m) => n + words(plain([{ ...m, role: 'user' }])).length + 4, 0);
  const output = words(reply).length;
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
};

// What an engine that knows only its own members and shapes would say.
const known = {
  chat: ['model', 'messages', 'stream', 'stream_options', 'max_tokens', 'temperature', 'top_p', 'top_k', 'stop', 'tools', 'tool_choice', 'parallel_tool_calls', 'response_format', 'reasoning_effort', 'user'],
  mistral: ['model', 'messages', 'stream', 'max_tokens', 'temperature', 'top_p', 'stop', 'tools', 'tool_choice', 'parallel_tool_calls', 'response_format'],
  messages: ['model', 'messages', 'system', 'stream', 'max_tokens', 'temperature', 'top_p', 'top_k', 'stop_sequences', 'tools', 'tool_choice', 'metadata'],
  responses: ['model', 'store', 'instructions', 'input', 'stream', 'max_output_tokens', 'temperature', 'top_p', 'tools', 'tool_choice', 'parallel_tool_calls', 'text', 'reasoning', 'user'],
};
const checkChat = (q) => {
  const open = new Set();
  for (const m of q.messages) {
    if (m.role === 'tool') {
      if (!open.delete(m.tool_call_id)) return `no call ${m.tool_call_id}`;
      if (typeof m.content !== 'string') return 'a tool message is text';
    } else if (open.size) return 'calls without results';
    for (const c of m.tool_calls ?? []) {
      JSON.parse(c.function.arguments);
      if (strict === 'mistral' && !/^[a-zA-Z0-9]{9}$/.test(c.id)) return `call id ${c.id}`;
      open.add(c.id);
    }
    if (m.role === 'system' && m !== q.messages[0]) return 'a system message comes first';
  }
  return open.size ? 'calls without results' : undefined;
};
const checkMessages = (q) => {
  if (!q.max_tokens) return 'max_tokens: Field required';
  let open = new Set();
  let before = 'assistant';
  for (const m of q.messages) {
    if (m.role === before) return 'roles must alternate';
    before = m.role;
    const blocks = typeof m.content === 'string' ? [] : m.content;
    for (const b of blocks.filter((x) => x.type === 'tool_result')) if (!open.delete(b.tool_use_id)) return `no call ${b.tool_use_id}`;
    if (open.size) return 'tool_use without tool_result';
    open = new Set(blocks.filter((b) => b.type === 'tool_use').map((b) => b.id));
    if (blocks.some((b) => b.type === 'tool_use' && (typeof b.input !== 'object'))) return 'input';
    if (blocks.some((b) => b.type === 'text' && !b.text)) return 'text content blocks must be non-empty';
  }
  return undefined;
};
const checkResponses = (q) => {
  const open = new Set();
  if (q.store !== false) return 'store: is off here';
  for (const i of [q.input].flat()) {
    const types = { user: ['input_text', 'input_image'], system: ['input_text'], assistant: ['output_text'] }[i.role];
    if (i.type === 'message' && !i.content.every((p) => types.includes(p.type))) return `content of ${i.role}`;
    if (i.type === 'function_call') JSON.parse(i.arguments);
    if (i.type === 'function_call') open.add(i.call_id);
    if (i.type === 'function_call_output' && !open.delete(i.call_id)) return `no call ${i.call_id}`;
  }
  if ((q.tools ?? []).some((t) => t.type !== 'function' || typeof t.strict !== 'boolean')) return 'tools';
  return open.size ? 'calls without results' : undefined;
};
const complaint = (url, q) => {
  const dialect = url === '/v1/messages' ? 'messages' : url === '/v1/responses' ? 'responses' : 'chat';
  if (!strict) return undefined;
  if (url !== ({ messages: '/v1/messages', responses: '/v1/responses' }[strict] ?? '/v1/chat/completions')) return `no ${url} here`;
  const odd = Object.keys(q).find((k) => !known[strict].includes(k));
  return odd ? `${odd}: Extra inputs are not permitted` : { chat: checkChat, messages: checkMessages, responses: checkResponses }[dialect](q);
};
const toolNames = (q) => (q.tools ?? []).map((t) => t.function?.name ?? t.name);

const early = {
  'bad-500': (res) => fail(res, 500, 'the engine fell over, with a secret in its trace'),
  'bad-429': (res) => json(res, 429, { error: { message: 'slow down', type: 'rate_limit_error', param: null, code: null } }, { 'retry-after': '1' }),
  'bad-html': (res) => { res.writeHead(200, { 'content-type': 'text/html' }); res.end('<h1>hello</h1>'); },
  'bad-json': (res) => { res.writeHead(200, { 'content-type': 'application/json' }); res.end('{"choices":['); },
  'bad-redirect': (res) => { res.writeHead(307, { location: 'http://169.254.169.254/' }); res.end(); },
  'bad-hang': () => {},
  'bad-start': (res) => res.writeHead(200, { 'content-type': 'text/event-stream' }).end(':'.repeat(40 << 20)),
  'bad-wait': (res, q) => { if (q.stream) res.writeHead(200, { 'content-type': 'text/event-stream' }).write(': still here\n\n'); },
};

const stream = async (q, res, reply, usage) => {
  const base = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1700000000, model: q.model };
  const chunk = (delta, finish = null) => res.write(`data: ${JSON.stringify({
    ...base, choices: [{ index: 0, delta, finish_reason: finish }],
    ...(q.stream_options?.include_usage && { usage: null }),
  })}\n\n`);
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  chunk({ role: 'assistant', content: '' });
  if (reply.startsWith('echo: think')) chunk({ reasoning_content: 'let me see' });
  if (delay) res.write(': still here\n\n');
  if (reply.startsWith('echo: use')) {
    toolNames(q).forEach((name, index) => {
      const part = (f) => chunk({ tool_calls: [{ index, ...f }] });
      part({ id: `c000000${index}${q.messages.length % 10}`, type: 'function', function: { name, arguments: '' } });
      for (const piece of cutArguments(reply)) part({ function: { arguments: piece } });
    });
    chunk({}, 'tool_calls');
    if (q.stream_options?.include_usage || strict === 'mistral') res.write(`data: ${JSON.stringify({ ...base, choices: [], usage })}\n\n`);
    res.end('data: [DONE]\n\n');
    return;
  }
  for (const piece of cut(reply)) {
    await sleep(delay);
    chunk({ content: piece });
    if (q.model === 'bad-event') res.write('data: not json\n\n');
    if (q.model === 'bad-cut') {
      res.write('data: {"choices":[{"del');
      setTimeout(() => res.destroy(), 20);
      return;
    }
  }
  if (q.model === 'bad-flood') {
    const more = () => { while (!res.destroyed && res.write(`data: ${JSON.stringify({ ...base, choices: [{ index: 0, delta: { content: 'z'.repeat(10000) } }] })}\n\n`)); };
    res.on('drain', more);
    more();
    return;
  }
  if (q.model === 'bad-tools') {
    const part = (f) => chunk({ tool_calls: [{ index: 0, ...f }] });
    part({ id: 'call_1', type: 'function', function: { name: q.tools?.[0]?.function?.name ?? 'not_offered', arguments: '' } });
    part({ function: { arguments: '{"a":' } });
    part({ function: { arguments: '1}' } });
    chunk({}, 'tool_calls');
  } else {
    chunk({}, q.model === 'bad-length' || reply.startsWith('echo: long') ? 'length' : 'stop');
  }
  if ((q.stream_options?.include_usage || strict === 'mistral') && usage) {
    res.write(`data: ${JSON.stringify({ ...base, choices: [], usage })}\n\n`);
  }
  res.end(q.model === 'bad-no-done' ? '' : 'data: [DONE]\n\n');
};

const chat = async (q, res) => {
  const reply = say(plain(q.messages));
  let usage = usageOf(q, reply);
  if (early[q.model]) {
    early[q.model](res, q);
    return;
  }
  if (q.model === 'bad-usage') usage = { prompt_tokens: -5, completion_tokens: 'many', total_tokens: 1.5 };
  if (q.model === 'bad-no-usage') usage = undefined;
  if (reply.startsWith('echo: break') || reply.startsWith('echo: late')) {
    fail(res, reply.startsWith('echo: late') ? 504 : 500, 'it broke');
    return;
  }
  if (q.stream) {
    await stream(q, res, reply, usage);
    return;
  }
  await sleep(delay);
  const calls = q.model === 'bad-tools' ? [{
    id: 'call_1', type: 'function',
    function: { name: q.tools?.[0]?.function?.name ?? 'not_offered', arguments: '{"a":1}' },
  }] : reply.startsWith('echo: use') && toolNames(q).map((name, i) => ({
    id: `c000000${i}${q.messages.length % 10}`, type: 'function', function: { name, arguments: JSON.stringify(cityOf(reply)) },
  }));
  json(res, 200, {
    id: 'chatcmpl-1', object: 'chat.completion', created: 1700000000, model: q.model,
    choices: [{
      index: 0, finish_reason: calls ? 'tool_calls' : q.model === 'bad-length' || reply.startsWith('echo: long') ? 'length' : 'stop',
      message: { role: 'assistant', content: calls ? null : reply, ...(calls && { tool_calls: calls }), ...(reply.startsWith('echo: think') && { reasoning_content: 'let me see' }) },
    }],
    ...(usage && { usage }),
  });
};

// The other dialects, each as short as it may be and as typed as its clients expect.
const textOf = (c) => (typeof c === 'string' ? c : (c ?? []).map((p) => p.text ?? textOf(p.content ?? '')).join(' '));
const sse = async (res, events, named) => {
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  for (const e of events) {
    await sleep(delay);
    res.write(`${named ? `event: ${e.type}\n` : ''}data: ${JSON.stringify(e)}\n\n`);
  }
  res.end(named ? '' : 'data: [DONE]\n\n');
};

const embeddings = (q, res) => {
  const list = [q.input].flat();
  const vector = (s) => [s.length, 0.5, -1];
  json(res, 200, {
    object: 'list', model: q.model, usage: { prompt_tokens: list.length, total_tokens: list.length },
    data: list.map((s, index) => ({
      object: 'embedding', index,
      embedding: q.encoding_format === 'base64' ? Buffer.from(Float32Array.from(vector(s)).buffer).toString('base64') : vector(s),
    })),
  });
};

const completions = async (q, res) => {
  const reply = say(q.prompt);
  const base = { id: 'cmpl-1', object: 'text_completion', created: 1700000000, model: q.model };
  if (q.stream) await sse(res, cut(reply).map((text) => ({ ...base, choices: [{ index: 0, text, finish_reason: null }] })), false);
  else json(res, 200, { ...base, choices: [{ index: 0, text: reply, finish_reason: 'stop' }], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } });
};

const responses = async (q, res) => {
  const said = typeof q.input === 'string' ? q.input : q.input.filter((i) => i.type !== 'reasoning').at(-1);
  const reply = say(typeof said === 'string' ? said : textOf(said.content ?? said.output));
  const text = (t) => ({ type: 'output_text', text: t, annotations: [] });
  const message = { type: 'message', id: 'msg_1', role: 'assistant', status: 'completed', content: [text(reply)] };
  const calls = reply.startsWith('echo: use') ? toolNames(q).map((name, i) => ({ type: 'function_call', id: `fc_${i}`, call_id: `call_${i}${q.input.length}`, name, arguments: JSON.stringify(cityOf(reply)), status: 'completed' })) : [];
  const thought = reply.startsWith('echo: think') ? [{ type: 'reasoning', id: 'rs_1', summary: [], content: [{ type: 'reasoning_text', text: 'let me see' }], status: 'completed' }] : [];
  const output = [...thought, ...(calls.length ? calls : [message])];
  const long = reply.startsWith('echo: long');
  const whole = {
    id: 'resp_1', object: 'response', created_at: 1700000000, model: q.model, status: long ? 'incomplete' : 'completed', error: null,
    incomplete_details: long ? { reason: 'max_output_tokens' } : null, output,
    store: q.store ?? true, usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5 },
  };
  if (!q.stream) {
    json(res, 200, whole);
    return;
  }
  let n = 0;
  const events = output.flatMap((item, output_index) => {
    const at = { item_id: item.id, output_index };
    const [part] = item.content ?? [];
    const added = { type: 'response.output_item.added', output_index, item: { ...item, status: 'in_progress', ...(part ? { content: [] } : { arguments: '' }) } };
    const done = { type: 'response.output_item.done', output_index, item };
    if (!part) return [added, ...cutArguments(reply).map((delta) => ({ type: 'response.function_call_arguments.delta', ...at, delta })), { type: 'response.function_call_arguments.done', ...at, arguments: item.arguments }, done];
    const kind = `response.${part.type}`;
    return [
      added,
      { type: 'response.content_part.added', ...at, content_index: 0, part: { ...part, text: '' } },
      ...(part.type === 'output_text' ? cut(part.text) : [part.text]).map((delta) => ({ type: `${kind}.delta`, ...at, content_index: 0, delta })),
      { type: `${kind}.done`, ...at, content_index: 0, text: part.type === 'output_text' ? cut(part.text).join('') : part.text },
      { type: 'response.content_part.done', ...at, content_index: 0, part },
      done,
    ];
  });
  events.unshift({ type: 'response.created', response: { ...whole, status: 'in_progress', output: [] } });
  events.push({ type: long ? 'response.incomplete' : 'response.completed', response: whole });
  await sse(res, events.map((e) => ({ ...e, sequence_number: n++ })), true);
};

const messages = async (q, res) => {
  const reply = say(textOf(q.messages.at(-1).content));
  const base = { id: 'msg_1', type: 'message', role: 'assistant', model: q.model, stop_sequence: null };
  if (q.model === 'bad-event') {
    await sse(res, [
      { type: 'message_start', message: { ...base, content: [], stop_reason: null, usage: { input_tokens: 3, output_tokens: 0 } } },
      { type: 'error', error: { type: 'overloaded_error', message: 'too much' } },
    ], true);
    return;
  }
  const calls = reply.startsWith('echo: use') ? toolNames(q).map((name, i) => ({ type: 'tool_use', id: `toolu_${i}${q.messages.length}`, name, input: cityOf(reply) })) : [];
  const thought = reply.startsWith('echo: think') ? [{ type: 'thinking', thinking: 'let me see', signature: 'xyz' }] : [];
  const stop = calls.length ? 'tool_use' : reply.startsWith('echo: long') ? 'max_tokens' : 'end_turn';
  if (!q.stream) {
    const text = calls.length ? [] : [{ type: 'text', text: reply }];
    json(res, 200, { ...base, content: [...thought, ...text, ...calls], stop_reason: stop, usage: { input_tokens: 3, output_tokens: 2 } });
    return;
  }
  if (calls.length) {
    await sse(res, [
      { type: 'message_start', message: { ...base, content: [], stop_reason: null, usage: { input_tokens: 3, output_tokens: 0 } } },
      ...calls.flatMap((c, index) => [
        { type: 'content_block_start', index, content_block: { ...c, input: {} } },
        ...cutArguments(reply).map((partial_json) => ({ type: 'content_block_delta', index, delta: { type: 'input_json_delta', partial_json } })),
        { type: 'content_block_stop', index },
      ]),
      { type: 'message_delta', delta: { stop_reason: stop, stop_sequence: null }, usage: { output_tokens: 2 } },
      { type: 'message_stop' },
    ], true);
    return;
  }
  await sse(res, [
    { type: 'message_start', message: { ...base, content: [], stop_reason: null, usage: { input_tokens: 3, output_tokens: 0 } } },
    ...thought.flatMap((t) => [
      { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: t.thinking } },
      { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: t.signature } },
      { type: 'content_block_stop', index: 0 },
    ]),
    { type: 'content_block_start', index: thought.length, content_block: { type: 'text', text: '' } },
    { type: 'ping' },
    ...cut(reply).map((text) => ({ type: 'content_block_delta', index: thought.length, delta: { type: 'text_delta', text } })),
    { type: 'content_block_stop', index: thought.length },
    { type: 'message_delta', delta: { stop_reason: stop, stop_sequence: null }, usage: { output_tokens: 2 } },
    { type: 'message_stop' },
  ], true);
};

const dialects = {
  '/v1/embeddings': embeddings, '/v1/completions': completions, '/v1/responses': responses, '/v1/messages': messages,
  '/v1/messages/count_tokens': (q, res) => json(res, 200, { input_tokens: words(textOf(q.messages.at(-1).content)).length }),
};

const server = createServer(async (req, res) => {
  if (req.url === '/seen') {
    json(res, 200, { seen, closed });
    return;
  }
  const parts = [];
  try {
    for await (const part of req) parts.push(part);
  } catch {
    return; // who asked was killed in the middle of the request: the next one is served
  }
  const body = Buffer.concat(parts).toString();
  seen.push({ method: req.method, url: req.url, headers: req.headers, body: body.slice(0, 10000) });
  if (req.method === 'GET' && req.url === '/v1/models') {
    json(res, 200, { object: 'list', data: models.map((id) => ({ id, object: 'model', created: 0, owned_by: 'test' })) });
  } else if (req.method === 'GET' && req.url === '/health') {
    json(res, 200, { status: 'ok' });
  } else if (req.method === 'POST' && (req.url === '/v1/chat/completions' || dialects[req.url])) {
    let q;
    try {
      q = JSON.parse(body);
    } catch {
      fail(res, 400, 'not JSON');
      return;
    }
    const wrong = complaint(req.url, q);
    if (wrong) {
      fail(res, 422, wrong);
      return;
    }
    res.on('close', () => { if (!res.writableFinished) closed.push(q.model); });
    if (dialects[req.url] && early[q.model]) early[q.model](res);
    else if (dialects[req.url]) await dialects[req.url](q, res);
    else if (models.includes(q.model) || q.model.startsWith('bad-')) await chat(q, res);
    else json(res, 404, { error: { message: `no model ${q.model}`, type: 'invalid_request_error', param: 'model', code: 'model_not_found' } });
  } else {
    fail(res, 404, 'nothing here');
  }
});
server.listen(Number(values('port')[0] ?? 0), '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`);
});
