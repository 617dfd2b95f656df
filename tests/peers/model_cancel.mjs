// SPDX-License-Identifier: Apache-2.0
// A client that gives up a stream after its first piece; the back end has to notice.
//
//   node model_cancel.mjs URL BACKEND-PORT MODEL
//
// Waits until the back end says that the answer's connection was closed before its end.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

const [url, port, model] = process.argv.slice(2);
const closed = async () => (await (await fetch(`http://127.0.0.1:${port}/seen`)).json()).closed.length;
const until = async (n) => { while (await closed() < n) await new Promise((done) => { setTimeout(done, 5); }); };
const messages = [{ role: 'user', content: 'word '.repeat(500) }];

const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
for await (const c of await openai.chat.completions.create({ model, messages, stream: true })) { assert(c); break; }
await until(1);
const anthropic = new Anthropic({ baseURL: url, apiKey: 'none', maxRetries: 0 });
const stream = anthropic.messages.stream({ model, max_tokens: 1000, messages });
for await (const e of stream) { assert(e); stream.abort(); break; }
await until(2);
const abort = new AbortController();
const whole = openai.chat.completions.create({ model, messages: [{ role: 'user', content: 'x' }] }, { signal: abort.signal });
while (!(await (await fetch(`http://127.0.0.1:${port}/seen`)).json()).seen.some((s) => s.body.includes('"x"'))) await new Promise((done) => { setTimeout(done, 5); });
abort.abort();
await assert.rejects(whole);
await until(3);
process.stdout.write('ok the back end saw each end\n');
