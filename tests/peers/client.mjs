// SPDX-License-Identifier: Apache-2.0
// A real MCP client (the official TypeScript SDK) for scenarios. Must run from the
// folder that `install` made, where node_modules is.
//
//   node client.mjs [OPTIONS] URL COMMAND [ARGS...] [-- COMMAND [ARGS...]]...
//   node client.mjs [OPTIONS] URL -            commands from standard input, one a line, JSON arrays
//
// All commands use one session. Each prints one line of JSON:
//   {"command":[...],"ok":true,"result":{...}}  or  {"command":[...],"ok":false,"error":{code,message,data}}
// and what the server sends by itself comes as {"notification":{...}} or {"request":{...}}.
// Exit: 0 all commands were ok, 1 some were not (a tool's isError counts as not ok), 2 could not connect.
//
// OPTIONS  --header 'Name: value'   on every request (repeatable)
//          --roots PATH             offer this root
//          --sampling --elicitation answer such requests of a server with a fixed text / accept
//          --elicitation-url        take elicitations by URL as well
//          --elicitation-defaults   accept, with the defaults of the form's schema
//          --mute                   never answer such requests
//          --timeout MS             for each request (default 10000)
//          --stdio                  URL is a program to start, with its arguments up to the first "--"
//
// COMMANDS info | tools | resources | templates | prompts | ping | close
//          call NAME [JSON] | call-progress NAME [JSON] | call-cancel MS NAME [JSON]
//          calls N NAME [JSON]      N calls at once, each argument object gets a "nonce"
//          call-task NAME [JSON]    as a task, followed to its end; begin-task: only its beginning
//          task get|result|cancel ID
//          read URI | subscribe URI | unsubscribe URI | prompt NAME [JSON] | level LEVEL
//          complete prompt|resource NAME ARGUMENT VALUE
//          wait MS                  let notifications come in
//          raw JSON                 a POST of exactly these bytes; prints status, type and body
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import {
  CallToolResultSchema, CreateMessageRequestSchema, CreateTaskResultSchema, ElicitRequestSchema, ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const out = (o) => process.stdout.write(`${JSON.stringify(o)}\n`);
const opt = { headers: {}, timeout: 10000 };
const args = process.argv.slice(2);

while (args.length && args[0].startsWith('--')) {
  const o = args.shift();
  if (o === '--header') {
    const h = args.shift();
    opt.headers[h.slice(0, h.indexOf(':'))] = h.slice(h.indexOf(':') + 1).trim();
  } else if (o === '--roots') {
    opt.roots = args.shift();
  } else if (['--sampling', '--elicitation', '--elicitation-url', '--elicitation-defaults', '--mute', '--stdio'].includes(o)) {
    opt[o.slice(2)] = true;
  } else if (o === '--timeout') {
    opt.timeout = Number(args.shift());
  } else {
    console.error(`unknown option ${o}`);
    process.exit(2);
  }
}

const capabilities = {
  ...(opt.roots && { roots: { listChanged: true } }),
  ...(opt.sampling && { sampling: {} }),
  ...(opt.elicitation && { elicitation: {} }),
  ...(opt['elicitation-defaults'] && { elicitation: { form: { applyDefaults: true } } }),
  ...(opt['elicitation-url'] && { elicitation: { form: {}, url: {} } }),
};
const client = new Client({ name: 'writ-scenario', version: '1.0.0' }, { capabilities });
client.fallbackNotificationHandler = async (n) => out({ notification: n });
client.onerror = () => {};

const serve = (schema, answer) => client.setRequestHandler(schema, async (r) => {
  out({ request: r });
  if (opt.mute) await new Promise(() => {});
  return answer;
});
if (opt.roots) serve(ListRootsRequestSchema, { roots: [{ uri: pathToFileURL(opt.roots).href, name: 'root' }] });
if (opt.sampling) {
  serve(CreateMessageRequestSchema, {
    model: 'fixed', role: 'assistant', content: { type: 'text', text: 'a fixed answer' },
  });
}
if (capabilities.elicitation) serve(ElicitRequestSchema, { action: 'accept', content: {} });

let transport, url;
if (opt.stdio) {
  const end = args.indexOf('--');
  const [command, ...rest] = args.splice(0, end < 0 ? args.length : end);
  args.shift();
  transport = new StdioClientTransport({ command, args: rest, stderr: 'ignore' });
} else {
  url = new URL(args.shift());
  transport = new StreamableHTTPClientTransport(url, { requestInit: { headers: opt.headers } });
}

const request = { timeout: opt.timeout };
const json = (text) => (text === undefined ? {} : JSON.parse(text));
const all = async (method, member) => {
  const items = [];
  let cursor, pages = 0;
  do {
    const page = await client[method](cursor === undefined ? undefined : { cursor }, request);
    items.push(...page[member]);
    cursor = page.nextCursor;
  } while (cursor !== undefined && ++pages < 1000);
  return { [member]: items };
};
const call = (name, text, more) => client.callTool(
  { name, arguments: json(text) }, undefined, { ...request, ...more });

const commands = {
  info: async () => ({
    server: client.getServerVersion(), capabilities: client.getServerCapabilities(),
    instructions: client.getInstructions(), protocolVersion: transport.protocolVersion,
    sessionId: transport.sessionId,
  }),
  tools: () => all('listTools', 'tools'),
  resources: () => all('listResources', 'resources'),
  templates: () => all('listResourceTemplates', 'resourceTemplates'),
  prompts: () => all('listPrompts', 'prompts'),
  ping: () => client.ping(request),
  call: (name, text) => call(name, text),
  'call-progress': async (name, text) => {
    const progress = [];
    const result = await call(name, text, { onprogress: (p) => progress.push(p) });
    return { ...result, progress };
  },
  'call-cancel': async (ms, name, text) => {
    const abort = new AbortController();
    setTimeout(() => abort.abort('enough'), Number(ms));
    return call(name, text, { signal: abort.signal });
  },
  calls: async (n, name, text) => {
    const results = await Promise.allSettled(Array.from({ length: Number(n) }, (_, i) => client.callTool(
      { name, arguments: { ...json(text), nonce: `n${i}` } }, undefined, request)));
    return {
      ok: results.filter((r) => r.status === 'fulfilled' && !r.value.isError).length,
      failed: results.filter((r) => r.status !== 'fulfilled' || r.value.isError).length,
      crossed: results.filter((r, i) => r.status === 'fulfilled' && !r.value.isError
        && !JSON.stringify(r.value).includes(`"n${i}"`) && !JSON.stringify(r.value).includes(`n${i}\\"`)).length,
    };
  },
  'call-task': async (name, text) => {
    const seen = [];
    const stream = client.experimental.tasks.callToolStream(
      { name, arguments: json(text) }, CallToolResultSchema, { ...request, task: { ttl: 60000 } });
    for await (const m of stream) {
      seen.push(m.type === 'taskStatus' ? m.task.status : m.type);
      if (m.type === 'taskCreated') seen.push(m.task.taskId);
      if (m.type === 'error') throw m.error;
      if (m.type === 'result') return { ...m.result, seen };
    }
    throw new Error('no result');
  },
  'begin-task': (name, text) => client.request(
    { method: 'tools/call', params: { name, arguments: json(text), task: { ttl: 60000 } } }, CreateTaskResultSchema, request),
  task: (what, id) => ({
    get: () => client.experimental.tasks.getTask(id, request),
    result: () => client.experimental.tasks.getTaskResult(id, CallToolResultSchema, request),
    cancel: () => client.experimental.tasks.cancelTask(id, request),
  })[what](),
  read: (uri) => client.readResource({ uri }, request),
  subscribe: (uri) => client.subscribeResource({ uri }, request),
  unsubscribe: (uri) => client.unsubscribeResource({ uri }, request),
  prompt: (name, text) => client.getPrompt({ name, arguments: json(text) }, request),
  level: (level) => client.setLoggingLevel(level, request),
  complete: (kind, name, argument, value) => client.complete({
    ref: kind === 'prompt' ? { type: 'ref/prompt', name } : { type: 'ref/resource', uri: name },
    argument: { name: argument, value },
  }, request),
  wait: (ms) => new Promise((done) => { setTimeout(() => done({}), Number(ms)); }),
  raw: async (body) => {
    const r = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json', accept: 'application/json, text/event-stream',
        ...(transport.sessionId && { 'mcp-session-id': transport.sessionId }),
        ...(transport.protocolVersion && { 'mcp-protocol-version': transport.protocolVersion }),
        ...opt.headers,
      },
      body,
    });
    return { status: r.status, type: r.headers.get('content-type'), body: await r.text() };
  },
  close: async () => {
    await transport.terminateSession?.();
    return {};
  },
};

let bad = 0;
const run = async (line) => {
  const [name, ...rest] = line;
  try {
    if (!Object.hasOwn(commands, name)) throw new Error(`unknown command ${name}`);
    const result = await commands[name](...rest);
    const ok = result?.isError !== true;
    bad += !ok;
    out({ command: line, ok, result });
  } catch (e) {
    bad += 1;
    out({ command: line, ok: false, error: { code: e.code, message: String(e.message ?? e), data: e.data } });
  }
};

try {
  await client.connect(transport, request);
} catch (e) {
  out({ command: ['connect'], ok: false, error: { code: e.code, message: String(e.message ?? e) } });
  process.exit(2);
}
if (args[0] === '-') {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim()) await run(JSON.parse(line));
  }
} else {
  while (args.length) {
    const end = args.indexOf('--');
    await run(args.splice(0, end < 0 ? args.length : end));
    args.shift();
  }
}
await client.close().catch(() => {});
process.exit(bad ? 1 : 0);
