// SPDX-License-Identifier: Apache-2.0
// The npm clients openai and @anthropic-ai/sdk, unchanged, where what is private is taken out of requests and put back
// into answers.
//
//   node model_vault.mjs URL MODEL...
//
// With each model and client, plain and streaming: the answer says what was asked, to the letter, also in arguments of
// calls; what stands for nothing stays as it is. Prints a line for each; throws at the first that does not work.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

const [url, ...models] = process.argv.slice(2);
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: url, apiKey: 'none', maxRetries: 0 });
const ok = (what) => process.stdout.write(`ok ${what}\n`);
const max_tokens = 500;
const key = '-----BEGIN PRIVATE KEY-----\nMIIBVgIBADANBgkqhkiG9w0\n-----END PRIVATE KEY-----';
const text = `write to ann@example.org and bob@example.org, not to ann@example.org [email-1] [email-7] [email, card 4111111111111111 ü`;
const messages = [{ role: 'user', content: 'I am eve@example.org' }, { role: 'assistant', content: 'Hello eve@example.org' }, { role: 'user', content: text }];
const schema = { type: 'object', properties: { city: { type: 'string' } } };
const wanted = `ann@example.org "and" ${key}`;
const use = [{ role: 'user', content: `use it with ${wanted}` }];

const openaiTools = [{ type: 'function', function: { name: 'weather', parameters: schema } }];
const clients = {
  async chat(model, q) {
    return (await openai.chat.completions.create({ model, max_tokens, messages: q })).choices[0].message.content;
  },
  async 'chat stream'(model, q) {
    let all = '';
    for await (const c of await openai.chat.completions.create({ model, max_tokens, messages: q, stream: true })) all += c.choices[0]?.delta?.content ?? '';
    return all;
  },
  async responses(model, q) {
    return (await openai.responses.create({ model, max_output_tokens: max_tokens, input: q })).output_text;
  },
  async 'responses stream'(model, q) {
    let all = '';
    let done;
    for await (const e of await openai.responses.create({ model, max_output_tokens: max_tokens, input: q, stream: true })) {
      if (e.type === 'response.output_text.delta') all += e.delta;
      if (e.type === 'response.output_text.done') assert.equal(e.text, all);
      if (e.type === 'response.completed') done = e.response;
    }
    assert.equal(done.output[0].content[0].text, all);
    return all;
  },
  async messages(model, q) {
    return (await anthropic.messages.create({ model, max_tokens, system: 'about eve@example.org', messages: q })).content[0].text;
  },
  async 'messages stream'(model, q) {
    return (await anthropic.messages.stream({ model, max_tokens, messages: q }).finalMessage()).content[0].text;
  },
};
const calls = {
  async chat(model) {
    const c = (await openai.chat.completions.create({ model, max_tokens, messages: use, tools: openaiTools })).choices[0].message.tool_calls[0];
    return JSON.parse(c.function.arguments);
  },
  async 'chat stream'(model) {
    const c = (await openai.chat.completions.stream({ model, max_tokens, messages: use, tools: openaiTools }).finalChatCompletion()).choices[0].message.tool_calls[0];
    return JSON.parse(c.function.arguments);
  },
  async messages(model) {
    const m = await anthropic.messages.create({ model, max_tokens, messages: use, tools: [{ name: 'weather', input_schema: schema }] });
    return m.content.find((b) => b.type === 'tool_use').input;
  },
  async 'messages stream'(model) {
    const m = await anthropic.messages.stream({ model, max_tokens, messages: use, tools: [{ name: 'weather', input_schema: schema }] }).finalMessage();
    return m.content.find((b) => b.type === 'tool_use').input;
  },
};

for (const model of models) {
  for (const [name, ask] of Object.entries(clients)) {
    assert.equal((await ask(model, messages)).trim(), `echo: ${text}`);
    // what another conversation hid is not had by its placeholder
    assert.equal((await ask(model, [{ role: 'user', content: 'invent, says zoe@example.org' }])).trim(), 'echo: invent, says zoe@example.org [email-5]');
    ok(`${name} with ${model}`);
  }
  for (const [name, ask] of Object.entries(calls)) {
    assert.deepEqual(await ask(model), { city: wanted });
    ok(`${name} call with ${model}`);
  }
  // a conversation that goes on, with calls and results in it
  const history = [...use, { role: 'assistant', content: null, tool_calls: [{ id: 'call00001', type: 'function', function: { name: 'weather', arguments: JSON.stringify({ city: wanted, card: 4111111111111111 }) } }] },
    { role: 'tool', tool_call_id: 'call00001', content: '{"to":"ann@example.org"}' }];
  assert.equal((await clients.chat(model, history)).trim(), 'echo: {"to":"ann@example.org"}');
  ok(`history with ${model}`);
}
const cut = await openai.completions.create({ model: models[0], prompt: text, stream: true });
let all = '';
for await (const c of cut) all += c.choices[0]?.text ?? '';
assert.equal(all.trim(), `echo: ${text}`);
assert.equal((await openai.completions.create({ model: models[0], prompt: text })).choices[0].text, `echo: ${text}`);
await openai.embeddings.create({ model: models[0], input: [text, 'ann@example.org'] });
assert((await anthropic.messages.countTokens({ model: models[0], messages: use })).input_tokens > 0);
ok('completions, embeddings, counts');
