// SPDX-License-Identifier: Apache-2.0
// A client on the official TypeScript SDK of the second generation, for scenarios.
//
//   node sdk2_client.mjs URL legacy|auto|modern CALL...     CALL: NAME or NAME=JSON
//
// Prints the revision that was agreed on, the names of all tools, and the text of each call, a line each; a
// question for a name is answered with "ann".
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const [url, mode, ...calls] = process.argv.slice(2);
const client = new Client({ name: 'sdk2', version: '1' }, {
  capabilities: { elicitation: { form: {} } },
  versionNegotiation: { mode: mode === 'modern' ? { pin: '2026-07-28' } : mode },
});
client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: { name: 'ann' } }));
await client.connect(new StreamableHTTPClientTransport(new URL(url)));
console.log(client.getNegotiatedProtocolVersion?.() ?? client.getProtocolEra?.());
const { tools } = await client.listTools();
console.log(tools.map((t) => t.name).sort().join(' '));
for (const call of calls) {
  const at = call.indexOf('=');
  const [name, args] = at < 0 ? [call, {}] : [call.slice(0, at), JSON.parse(call.slice(at + 1))];
  try {
    const result = await client.callTool({ name, arguments: args });
    console.log(`${name}: ${result.isError ? 'error ' : ''}${result.content[0].text}`);
  } catch (e) {
    console.log(`${name}: failed ${e.code} ${e.message}`);
  }
}
await client.close();
