// SPDX-License-Identifier: Apache-2.0
// A small server on the official TypeScript SDK of the second generation, of both eras.
//
//   node sdk2_server.mjs                 over standard input and output
//   node sdk2_server.mjs --http          over Streamable HTTP; prints {"port":N}; GET /seen tells what was heard
//
// TOOLS  echo {"text"}     says it again, and by which revision it was asked
//        greet {}          asks the client for a name first
import { createServer } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { acceptedContent, createMcpHandler, fromJsonSchema, inputRequired, McpServer } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';

const schema = (properties) => ({ type: 'object', properties, required: Object.keys(properties) });
const text = (t) => ({ content: [{ type: 'text', text: t }] });

function make(context) {
  const server = new McpServer({ name: 'sdk2', version: '1' });
  server.registerTool('echo', { description: 'Says it again', inputSchema: fromJsonSchema(schema({ text: { type: 'string' } })) },
    async (args) => text(`${context?.era ?? 'legacy'}: ${args.text}`));
  server.registerTool('greet', { description: 'Greets whoever answers', inputSchema: fromJsonSchema(schema({})) },
    async (args, ctx) => {
      const answer = acceptedContent(ctx.mcpReq.inputResponses, 'who');
      if (answer) return text(`hello ${answer.name}`);
      return inputRequired({
        inputRequests: { who: inputRequired.elicit({ message: 'Who is it?', requestedSchema: schema({ name: { type: 'string' } }) }) },
      });
    });
  return server;
}

/** What the handler gets, kept for GET /seen. */
function listening(handle) {
  const seen = [];
  return createServer(async (request, response) => {
    if (request.url === '/seen') {
      response.end(JSON.stringify({ seen }));
      return;
    }
    let body = '';
    for await (const piece of request.setEncoding('utf8')) body += piece;
    seen.push({ method: request.method, headers: request.headers, body });
    handle(request, response, body ? JSON.parse(body) : undefined);
  });
}

if (process.argv[2] === '--http') {
  const http = listening(toNodeHandler(createMcpHandler(make)));
  http.listen(0, '127.0.0.1', () => process.stdout.write(`${JSON.stringify({ port: http.address().port })}\n`));
} else {
  serveStdio(make);
}
