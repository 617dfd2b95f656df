// SPDX-License-Identifier: Apache-2.0
// The server that the official conformance suite expects behind a gateway, on the official SDK.
// Legacy era. Must run from the folder that `install` made.
//
//   node fixture.mjs                   over standard input and output
//   node fixture.mjs --http [--port N] over Streamable HTTP on 127.0.0.1; prints {"port":N}
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import * as T from '@modelcontextprotocol/sdk/types.js';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

// one red pixel, and a silent sound of no length
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const wav = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=';
const text = (t) => ({ type: 'text', text: t });
const image = { type: 'image', data: png, mimeType: 'image/png' };
const resource = (uri, mimeType, t) => ({ type: 'resource', resource: { uri, mimeType, text: t } });
const content = (...c) => ({ content: c });
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });
const string = { type: 'string' };
const object = (properties, required) => ({ type: 'object', properties, ...(required && { required }) });
const elicited = (r) => content(text(`Elicitation completed: action=${r.action}, content=${JSON.stringify(r.content ?? {})}`));
const choices = (words) => words.map((w, i) => ({ const: `value${i + 1}`, title: w }));

const tools = {
  test_simple_text: { run: () => content(text('This is a simple text response for testing.')) },
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
        await x.sendNotification({ method: 'notifications/message', params: { level: 'info', data } });
        await sleep(50);
      }
      return content(text('logged'));
    },
  },
  test_tool_with_progress: {
    run: async (a, x) => {
      const progressToken = x._meta?.progressToken;
      for (const progress of [0, 50, 100]) {
        if (progressToken !== undefined) {
          await x.sendNotification({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
        }
        await sleep(50);
      }
      return content(text(String(progressToken ?? 'no token')));
    },
  },
  test_error_handling: {
    run: () => ({ isError: true, ...content(text('This tool intentionally returns an error for testing')) }),
  },
  test_sampling: {
    inputSchema: object({ prompt: string }, ['prompt']),
    run: async (a, x) => {
      const r = await x.sendRequest({
        method: 'sampling/createMessage',
        params: { messages: [{ role: 'user', content: text(a.prompt) }], maxTokens: 100 },
      }, T.CreateMessageResultSchema);
      return content(text(`LLM response: ${r.content.text}`));
    },
  },
  test_elicitation: {
    inputSchema: object({ message: string }, ['message']),
    run: async (a, x) => {
      const r = await x.sendRequest({
        method: 'elicitation/create',
        params: { message: a.message, requestedSchema: object({ username: string, email: string }, ['username', 'email']) },
      }, T.ElicitResultSchema);
      return content(text(`User response: action: ${r.action}, content: ${JSON.stringify(r.content ?? {})}`));
    },
  },
  test_elicitation_sep1034_defaults: {
    run: async (a, x) => elicited(await x.sendRequest({
      method: 'elicitation/create',
      params: {
        message: 'Check the defaults',
        requestedSchema: object({
          name: { type: 'string', default: 'John Doe' },
          age: { type: 'integer', default: 30 },
          score: { type: 'number', default: 95.5 },
          status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
          verified: { type: 'boolean', default: true },
        }),
      },
    }, T.ElicitResultSchema)),
  },
  test_elicitation_sep1330_enums: {
    run: async (a, x) => elicited(await x.sendRequest({
      method: 'elicitation/create',
      params: {
        message: 'Choose',
        requestedSchema: object({
          untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
          titledSingle: { type: 'string', oneOf: choices(['First Option', 'Second Option', 'Third Option']) },
          legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
          untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
          titledMulti: { type: 'array', items: { anyOf: choices(['First Choice', 'Second Choice', 'Third Choice']) } },
        }),
      },
    }, T.ElicitResultSchema)),
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
    run: (a) => content(text(JSON.stringify(a))),
  },
};

const resources = {
  'test://static-text': { name: 'static text', mimeType: 'text/plain', text: 'This is the content of the static text resource.' },
  'test://static-binary': { name: 'static binary', mimeType: 'image/png', blob: png },
  'test://watched-resource': { name: 'watched', mimeType: 'text/plain', text: 'Watched.' },
};

const user = (c) => ({ role: 'user', content: c });
const argument = (name) => ({ name, required: true });
const prompts = {
  test_simple_prompt: { run: () => [user(text('This is a simple prompt for testing.'))] },
  test_prompt_with_arguments: {
    arguments: [argument('arg1'), argument('arg2')],
    run: (a) => [user(text(`Prompt with arguments: arg1='${a.arg1}', arg2='${a.arg2}'`))],
  },
  test_prompt_with_embedded_resource: {
    arguments: [argument('resourceUri')],
    run: (a) => [user(resource(a.resourceUri, 'text/plain', 'Embedded resource content for testing.')),
      user(text('Please process the embedded resource above.'))],
  },
  test_prompt_with_image: { run: () => [user(image), user(text('Please analyze the image above.'))] },
};

const unknown = (what) => new T.McpError(T.ErrorCode.InvalidParams, `Unknown ${what}`);
const make = () => {
  const s = new Server({ name: 'fixture', version: '1.0.0' }, {
    capabilities: {
      tools: { listChanged: true }, resources: { listChanged: true, subscribe: true },
      prompts: { listChanged: true }, completions: {}, logging: {},
    },
  });
  const on = (schema, f) => s.setRequestHandler(schema, f);
  on(T.ListToolsRequestSchema, () => ({
    tools: Object.entries(tools).map(([name, t]) => ({
      name, description: `Fixture: ${name}`, inputSchema: t.inputSchema ?? object({}),
    })),
  }));
  on(T.CallToolRequestSchema, (r, x) => {
    const t = tools[r.params.name];
    if (!t) throw unknown('tool');
    return t.run(r.params.arguments ?? {}, x);
  });
  on(T.ListResourcesRequestSchema, () => ({
    resources: Object.entries(resources).map(([uri, r]) => ({ uri, name: r.name, mimeType: r.mimeType })),
  }));
  on(T.ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [{ uriTemplate: 'test://template/{id}/data', name: 'template', mimeType: 'application/json' }],
  }));
  on(T.ReadResourceRequestSchema, (r) => {
    const { uri } = r.params;
    const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
    if (id) {
      return { contents: [{ uri, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }] };
    }
    if (!resources[uri]) throw new T.McpError(-32002, 'Resource not found', { uri });
    const { name, ...rest } = resources[uri];
    return { contents: [{ uri, ...rest }] };
  });
  on(T.SubscribeRequestSchema, () => ({}));
  on(T.UnsubscribeRequestSchema, () => ({}));
  on(T.SetLevelRequestSchema, () => ({}));
  on(T.ListPromptsRequestSchema, () => ({
    prompts: Object.entries(prompts).map(([name, p]) => ({ name, description: `Fixture: ${name}`, arguments: p.arguments ?? [] })),
  }));
  on(T.GetPromptRequestSchema, (r) => {
    const p = prompts[r.params.name];
    if (!p) throw unknown('prompt');
    return { messages: p.run(r.params.arguments ?? {}) };
  });
  on(T.CompleteRequestSchema, (r) => {
    const values = ['paris', 'park', 'party'].filter((v) => v.startsWith(r.params.argument.value));
    return { completion: { values, total: values.length, hasMore: false } };
  });
  return s;
};

if (!process.argv.includes('--http')) {
  await make().connect(new StdioServerTransport());
} else {
  const sessions = new Map();
  const at = process.argv.indexOf('--port');
  let hosts;
  const server = createServer(async (req, res) => {
    if (req.url === '/seen') {
      res.end('{"seen":[]}'); // what it is asked, the ledger of its caller tells
      return;
    }
    let t = sessions.get(req.headers['mcp-session-id']);
    if (!t && req.headers['mcp-session-id']) {
      res.writeHead(404).end();
      return;
    }
    if (!t) {
      t = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        enableDnsRebindingProtection: true,
        allowedHosts: hosts,
        allowedOrigins: hosts.map((h) => `http://${h}`),
        onsessioninitialized: (id) => sessions.set(id, t),
        onsessionclosed: (id) => sessions.delete(id),
      });
      await make().connect(t);
    }
    await t.handleRequest(req, res);
  });
  server.listen(at < 0 ? 0 : Number(process.argv[at + 1]), '127.0.0.1', () => {
    const { port } = server.address();
    hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
    process.stdout.write(`${JSON.stringify({ port })}\n`);
  });
}
