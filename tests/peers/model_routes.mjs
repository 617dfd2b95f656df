// SPDX-License-Identifier: Apache-2.0
// Conversations with a name that stands for several models.
//
//   node model_routes.mjs URL ROUTE NARROW
//
// Prints which models answered, and that one conversation stays with one model. NARROW is a model that takes one
// request at a time.
import assert from 'node:assert/strict';
import OpenAI from 'openai';

const [url, route, narrow] = process.argv.slice(2);
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
const ask = async (model, text) => {
  const a = await openai.chat.completions.create({ model, messages: [{ role: 'user', content: text }] });
  assert.equal(a.choices[0].message.content, `echo: ${text}`);
  return a.model;
};

assert((await openai.models.list()).data.some((m) => m.id === route));
const first = {};
for (let i = 0; i < 40; i += 1) first[i] = await ask(route, `conversation ${i}`);
process.stdout.write(`answered by ${[...new Set(Object.values(first))].sort().join(' ')}\n`);
for (let i = 30; i < 40; i += 1) assert.equal(await ask(route, `conversation ${i}`), first[i]);
process.stdout.write('ok each conversation stays where it is known\n');
const many = await Promise.all(Array.from({ length: 40 }, (_, i) => ask(narrow, `at once ${i}`)));
assert(many.every((m) => m === narrow));
process.stdout.write('ok what does not fit waits its turn\n');
