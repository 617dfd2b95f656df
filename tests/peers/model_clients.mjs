// SPDX-License-Identifier: Apache-2.0
// The npm clients `openai` and `@anthropic-ai/sdk`, unchanged, against a base URL.
//
//   node model_clients.mjs URL MODEL [DENIED]
//
// Prints one line for each thing that works; throws at the first that does not. DENIED is a model
// that policies refuse.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

const [url, model, denied] = process.argv.slice(2);
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: url, apiKey: 'none', maxRetries: 0 });
const user = (content) => [{ role: 'user', content }];
const ok = (what) => process.stdout.write(`ok ${what}\n`);
const fails = async (what, status, promise) => {
  await assert.rejects(promise, (e) => { assert.equal(e.status, status, `${what}: ${e}`); return true; });
  ok(`${what} is refused`);
};

assert((await openai.models.list()).data.some((m) => m.id === model));
ok('openai models');
assert.equal((await openai.chat.completions.create({ model, messages: user('hello you') })).choices[0].message.content, 'echo: hello you');
ok('openai chat');
let text = '';
for await (const c of await openai.chat.completions.create({ model, messages: user('a b'), stream: true, stream_options: { include_usage: true } })) {
  text += c.choices[0]?.delta.content ?? '';
  if (c.usage) text += ` ${c.usage.total_tokens > 0}`;
}
assert.equal(text, 'echo: a b  true');
ok('openai chat stream');
assert.deepEqual((await openai.embeddings.create({ model, input: 'four' })).data[0].embedding, [4, 0.5, -1]);
ok('openai embeddings');
assert.equal((await openai.completions.create({ model, prompt: 'x' })).choices[0].text, 'echo: x');
ok('openai completions');
const r = await openai.responses.create({ model, input: 'good day' });
assert.equal(r.output_text, 'echo: good day');
assert.equal(r.store, false);
ok('openai responses');
assert.equal((await openai.responses.create({ model, input: user('again'), store: true })).store, false);
ok('openai responses are not stored');
text = '';
const events = [];
for await (const e of await openai.responses.create({ model, input: 'one two', stream: true })) {
  events.push(e.type);
  if (e.type === 'response.output_text.delta') text += e.delta;
}
assert.equal(text, 'echo: one two ');
assert.equal(events.at(-1), 'response.completed');
ok('openai responses stream');

const max_tokens = 100;
const m = await anthropic.messages.create({ model, max_tokens, messages: user('hello') });
assert.equal(m.content[0].text, 'echo: hello');
assert.equal(m.usage.output_tokens, 2);
ok('anthropic messages');
const final = await anthropic.messages.stream({ model, max_tokens, messages: user('one two') }).finalMessage();
assert.equal(final.content[0].text, 'echo: one two ');
assert.equal(final.stop_reason, 'end_turn');
ok('anthropic messages stream');
assert.equal((await anthropic.messages.countTokens({ model, messages: user('one two three') })).input_tokens, 3);
ok('anthropic count tokens');
const stream = await anthropic.messages.create({ model: 'bad-event', max_tokens, messages: user('x'), stream: true });
await assert.rejects(async () => { for await (const e of stream) assert(e); }, /overloaded/);
ok('anthropic error in the middle of a stream');

const picture = (u) => [{ role: 'user', content: [{ type: 'image_url', image_url: { url: u } }] }];
await fails('openai remote image', 400, openai.chat.completions.create({ model, messages: picture('https://example.org/a.png') }));
await openai.chat.completions.create({ model, messages: picture('data:image/png;base64,AA==') });
ok('openai inline image');
await fails('anthropic remote image', 400, anthropic.messages.create({
  model, max_tokens, messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'url', url: 'https://example.org/a.png' } }] }],
}));
await fails('openai web search', 400, openai.responses.create({ model, input: 'x', tools: [{ type: 'web_search' }] }));
await fails('anthropic web search', 400, anthropic.messages.create({ model, max_tokens, messages: user('x'), tools: [{ type: 'web_search_20250305', name: 'web_search' }] }));
await fails('openai stored state', 400, openai.responses.create({ model, input: 'x', previous_response_id: 'resp_0' }));
if (denied) {
  await fails('openai denied model', 403, openai.responses.create({ model: denied, input: 'a national secret' }));
  await fails('openai denied embedding', 403, openai.embeddings.create({ model: denied, input: 'a national secret' }));
  await assert.rejects(anthropic.messages.create({ model: denied, max_tokens, messages: user('a national secret') }), Anthropic.PermissionDeniedError);
  ok('anthropic denied model is refused');
}
