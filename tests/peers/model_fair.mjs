// SPDX-License-Identifier: Apache-2.0
// One agent with many requests at a model that takes one at a time, and another with one.
//
//   node model_fair.mjs URL BACKEND-PORT MODEL KEY KEY
//
// The other's is asked after the many have begun, and has to be served before they are through.
import assert from 'node:assert/strict';
import OpenAI from 'openai';

const [url, port, model, many, one] = process.argv.slice(2);
const client = (apiKey) => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const ask = (c, text) => c.chat.completions.create({ model, messages: [{ role: 'user', content: text }] });
const seen = async () => (await (await fetch(`http://127.0.0.1:${port}/seen`)).json()).seen.filter((s) => s.method === 'POST');

const busy = client(many);
const all = Array.from({ length: 40 }, (_, i) => ask(busy, `many ${i}`));
while ((await seen()).length < 2) await new Promise((done) => { setTimeout(done, 5); });
await ask(client(one), 'only one');
await Promise.all(all);
const order = (await seen()).map((s) => s.body.includes('only one'));
assert.equal(order.length, 41);
assert(order.indexOf(true) < 35, `it was served as number ${order.indexOf(true)}`);
process.stdout.write('ok who asks little is not held up\n');
