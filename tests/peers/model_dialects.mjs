// SPDX-License-Identifier: Apache-2.0
// The npm clients openai, @anthropic-ai/sdk and @mistralai/mistralai, unchanged, with back ends that
// speak another dialect than they do.
//
//   node model_dialects.mjs URL MODEL...
//
// The same conversation with each client and each model, plain and streaming: text, a system prompt, two
// tools called at once and their results, thinking, an end by length, a picture, an error, and what
// cannot be said in the other dialect. Prints a line for each; throws at the first that does not work.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import { Mistral } from '@mistralai/mistralai';
import OpenAI from 'openai';

const [url, ...models] = process.argv.slice(2);
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: url, apiKey: 'none', maxRetries: 0 });
const mistral = new Mistral({ serverURL: url, apiKey: 'none' });
const max_tokens = 50;
const user = (content) => [{ role: 'user', content }];
const ok = (what) => process.stdout.write(`ok ${what}\n`);
const collect = async (stream) => { const all = []; for await (const e of stream) all.push(e); return all; };
const schema = { type: 'object', properties: { city: { type: 'string' } } };
const names = ['weather', 'time'];
const refused = (promise, status, text) => assert.rejects(promise, (e) => {
  assert.equal(e.status ?? e.statusCode, status, `${e}`);
  assert.match(`${e.message} ${e.body ?? ''}`, text);
  return true;
});

const chat = {
  tools: names.map((name) => ({ type: 'function', function: { name, description: 'says it', parameters: schema } })),
  async whole(model, text) {
    const a = (await openai.chat.completions.create({ model, max_tokens, messages: [{ role: 'system', content: 'be kind' }, ...user(text)] }));
    assert.equal(a.object, 'chat.completion');
    assert(a.usage.total_tokens > 0);
    return { text: a.choices[0].message.content, thought: a.choices[0].message.reasoning_content, end: a.choices[0].finish_reason };
  },
  async stream(model, text) {
    const all = await collect(await openai.chat.completions.create({ model, max_tokens, messages: user(text), stream: true, stream_options: { include_usage: true } }));
    const parts = (f) => all.map((c) => c.choices[0]?.delta?.[f] ?? '').join('');
    assert.deepEqual(all.at(-1).choices, []);
    assert(all.at(-1).usage.total_tokens > 0);
    assert(all.slice(0, -1).every((c) => c.usage === null));
    return { text: parts('content'), thought: parts('reasoning_content') || undefined, end: all.at(-2).choices[0].finish_reason };
  },
  async calls(model, stream) {
    const messages = [...user('use them')];
    const q = { model, max_tokens, messages, tools: this.tools, tool_choice: 'auto', parallel_tool_calls: true };
    const first = stream ? await openai.chat.completions.stream(q).finalChatCompletion() : await openai.chat.completions.create(q);
    const said = first.choices[0].message;
    assert.equal(first.choices[0].finish_reason, 'tool_calls');
    assert.deepEqual(said.tool_calls.map((c) => [c.function.name, JSON.parse(c.function.arguments)]), names.map((n) => [n, { city: 'Köln' }]));
    messages.push({ role: 'assistant', content: said.content, tool_calls: said.tool_calls.map(({ id, type, function: f }) => ({ id, type, function: { name: f.name, arguments: f.arguments } })) });
    for (const c of said.tool_calls) messages.push({ role: 'tool', tool_call_id: c.id, content: `${c.function.name} is fine` });
    return (await openai.chat.completions.create(q)).choices[0].message.content;
  },
  ends: { stop: 'stop', length: 'length' },
};
const messages = {
  tools: names.map((name) => ({ name, description: 'says it', input_schema: schema, cache_control: { type: 'ephemeral' } })),
  said: (m) => ({ text: m.content.filter((b) => b.type === 'text').map((b) => b.text).join(''), thought: m.content.find((b) => b.type === 'thinking')?.thinking, end: m.stop_reason }),
  async whole(model, text) {
    const m = await anthropic.messages.create({ model, max_tokens, system: [{ type: 'text', text: 'be kind', cache_control: { type: 'ephemeral' } }, { type: 'text', text: 'be short' }], messages: user(text) });
    assert(m.usage.output_tokens > 0);
    return this.said(m);
  },
  async stream(model, text) {
    const s = anthropic.messages.stream({ model, max_tokens, messages: user(text) });
    const types = (await collect(s)).map((e) => e.type);
    assert.equal(types[0], 'message_start');
    assert.equal(types.at(-1), 'message_stop');
    assert.equal(types.at(-2), 'message_delta');
    const m = await s.finalMessage();
    assert(m.usage.output_tokens > 0 && m.usage.input_tokens > 0);
    return this.said(m);
  },
  async calls(model, stream) {
    const list = [...user('use them')];
    const q = { model, max_tokens, messages: list, tools: this.tools, tool_choice: { type: 'auto' } };
    const first = stream ? await anthropic.messages.stream(q).finalMessage() : await anthropic.messages.create(q);
    const calls = first.content.filter((b) => b.type === 'tool_use');
    assert.equal(first.stop_reason, 'tool_use');
    assert.deepEqual(calls.map((c) => [c.name, c.input]), names.map((n) => [n, { city: 'Köln' }]));
    list.push({ role: 'assistant', content: first.content });
    list.push({ role: 'user', content: calls.map((c) => ({ type: 'tool_result', tool_use_id: c.id, content: [{ type: 'text', text: `${c.name} is fine` }] })) });
    return this.said(await anthropic.messages.create(q)).text;
  },
  ends: { stop: 'end_turn', length: 'max_tokens' },
};
const responses = {
  tools: names.map((name) => ({ type: 'function', name, description: 'says it', parameters: schema, strict: false })),
  said: (r) => ({ text: r.output_text, thought: r.output.find((i) => i.type === 'reasoning')?.content[0].text, end: r.incomplete_details?.reason ?? r.status }),
  async whole(model, text) {
    const r = await openai.responses.create({ model, max_output_tokens: max_tokens, instructions: 'be kind', input: text });
    assert.equal(r.store, false);
    assert(r.usage.total_tokens > 0);
    return this.said(r);
  },
  async stream(model, text) {
    const all = await collect(await openai.responses.create({ model, max_output_tokens: max_tokens, input: text, stream: true }));
    assert.deepEqual(all.map((e) => e.sequence_number), all.map((_, i) => i));
    assert.equal(all.filter((e) => /response\.(completed|incomplete|failed)/.test(e.type)).length, 1);
    const deltas = all.filter((e) => e.type === 'response.output_text.delta').map((e) => e.delta).join('');
    const last = all.at(-1).response;
    assert.equal(deltas, all.find((e) => e.type === 'response.output_text.done').text);
    return this.said({ ...last, output_text: deltas });
  },
  async calls(model, stream) {
    const input = [...user('use them')];
    const q = { model, max_output_tokens: max_tokens, input, tools: this.tools };
    const first = stream ? await openai.responses.stream(q).finalResponse() : await openai.responses.create(q);
    const calls = first.output.filter((i) => i.type === 'function_call');
    assert.deepEqual(calls.map((c) => [c.name, JSON.parse(c.arguments)]), names.map((n) => [n, { city: 'Köln' }]));
    input.push(...first.output.map(({ parsed_arguments, ...i }) => i), ...calls.map((c) => ({ type: 'function_call_output', call_id: c.call_id, output: `${c.name} is fine` })));
    return (await openai.responses.create(q)).output_text;
  },
  ends: { stop: 'completed', length: 'max_output_tokens' },
};
const lechat = {
  async whole(model, text) {
    const a = await mistral.chat.complete({ model, maxTokens: max_tokens, messages: user(text) });
    return { text: a.choices[0].message.content, thought: undefined, end: a.choices[0].finishReason };
  },
  async stream(model, text) {
    const all = await collect(await mistral.chat.stream({ model, maxTokens: max_tokens, messages: user(text) }));
    return { text: all.map((e) => e.data.choices[0]?.delta.content ?? '').join(''), thought: undefined, end: all.map((e) => e.data.choices[0]?.finishReason).filter(Boolean)[0] };
  },
  async calls(model) {
    const list = [...user('use them')];
    const q = { model, maxTokens: max_tokens, messages: list, tools: chat.tools };
    const said = (await mistral.chat.complete(q)).choices[0].message;
    assert.deepEqual(said.toolCalls.map((c) => c.function.name), names);
    list.push(said, ...said.toolCalls.map((c) => ({ role: 'tool', toolCallId: c.id, content: `${c.function.name} is fine` })));
    return (await mistral.chat.complete(q)).choices[0].message.content;
  },
  ends: { stop: 'stop', length: 'length' },
};

for (const [name, client] of Object.entries({ chat, messages, responses, mistral: lechat })) {
  for (const model of models) {
    const thought = client === lechat ? undefined : 'let me see';
    assert.deepEqual(await client.whole(model, 'hello you'), { text: 'echo: hello you', thought: undefined, end: client.ends.stop });
    assert.deepEqual(await client.stream(model, 'one two'), { text: 'echo: one two ', thought: undefined, end: client.ends.stop });
    assert.deepEqual(await client.whole(model, 'long story'), { text: 'echo: long story', thought: undefined, end: client.ends.length });
    assert.deepEqual(await client.stream(model, 'long story'), { text: 'echo: long story ', thought: undefined, end: client.ends.length });
    assert.deepEqual(await client.whole(model, 'think hard'), { text: 'echo: think hard', thought, end: client.ends.stop });
    assert.deepEqual(await client.stream(model, 'think hard'), { text: 'echo: think hard ', thought, end: client.ends.stop });
    for (const stream of [false, true]) assert.match(await client.calls(model, stream), /time is fine/);
    ok(`${name} with ${model}`);
  }
}

const speaking = (dialect) => models.filter((m) => m.startsWith(dialect));
const png = 'iVBORw0KGgo=';
for (const model of speaking('messages')) {
  await openai.chat.completions.create({ model, max_tokens, messages: user([{ type: 'text', text: 'see' }, { type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } }]) });
  await refused(openai.chat.completions.create({ model, max_tokens, messages: user('x'), seed: 7 }), 400, /seed/);
  await refused(openai.chat.completions.create({ model, max_tokens, messages: user('x'), n: 2 }), 400, /: n/);
  await refused(openai.chat.completions.create({ model, max_tokens, messages: user('x'), response_format: { type: 'json_object' } }), 400, /response_format/);
  await refused(openai.chat.completions.create({ model, messages: user('x') }), 400, /max_tokens/);
  await refused(openai.embeddings.create({ model, input: 'x' }), 400, /requests of this kind/);
  ok(`what ${model} cannot be told is refused by name`);
}
for (const model of speaking('chat')) {
  await anthropic.messages.create({ model, max_tokens, messages: user([{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } }]) });
  await refused(anthropic.messages.create({ model, max_tokens, messages: user('x'), thinking: { type: 'enabled', budget_tokens: 1024 } }), 400, /thinking/);
  await refused(anthropic.messages.create({ model, max_tokens, messages: user([{ type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'x' } }]) }), 400, /document/);
  await refused(anthropic.messages.countTokens({ model, messages: user('x') }), 400, /requests of this kind/);
  await refused(openai.responses.create({ model, input: 'x', include: ['message.output_text.logprobs'] }), 400, /include/);
  await openai.responses.create({ model, input: 'x', reasoning: { effort: 'low' }, text: { format: { type: 'json_schema', name: 'a', schema } } });
  ok(`what ${model} cannot be told is refused by name`);
}
for (const model of speaking('responses')) {
  await anthropic.messages.create({ model, max_tokens, system: 'be kind', messages: user([{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } }]) });
  await openai.chat.completions.create({ model, messages: user('x'), reasoning_effort: 'low', parallel_tool_calls: false, response_format: { type: 'json_schema', json_schema: { name: 'a', schema } } });
  await refused(openai.chat.completions.create({ model, messages: user('x'), stop: ['y'] }), 400, /stop/);
  await refused(openai.chat.completions.create({ model, messages: user('x'), top_k: 3 }), 400, /top_k/);
  await refused(openai.chat.completions.create({ model, messages: user('x'), seed: 7 }), 400, /seed/);
  await refused(openai.embeddings.create({ model, input: 'x' }), 400, /requests of this kind/);
  ok(`what ${model} cannot be told is refused by name`);
}
