// SPDX-License-Identifier: Apache-2.0
// Conversations with a real model, by clients of three dialects.
//
//   node model_real.mjs URL MODEL
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

const [url, model] = process.argv.slice(2);
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: url, apiKey: 'none', maxRetries: 0 });
const messages = [{ role: 'user', content: 'Say hello to me.' }];
const max_tokens = 12;
const ok = (what) => process.stdout.write(`ok ${what}\n`);

const whole = await openai.chat.completions.create({ model, max_tokens, messages });
const said = whole.choices[0].message.content;
assert.match(said, /[a-z]/i);
assert(whole.usage.completion_tokens > 0 && whole.usage.completion_tokens <= max_tokens + 1);
ok('chat');
let text = '';
for await (const c of await openai.chat.completions.create({ model, max_tokens, messages, stream: true })) text += c.choices[0].delta.content ?? '';
assert.equal(text.trim(), said.trim()); // it always takes the likeliest word
ok('chat stream');
const m = await anthropic.messages.stream({ model, max_tokens, messages }).finalMessage();
assert.equal(m.content[0].text.trim(), said.trim());
assert(m.usage.output_tokens > 0);
assert.equal(m.stop_reason, 'max_tokens');
ok('messages stream');
const r = await openai.responses.create({ model, max_output_tokens: max_tokens, input: messages });
assert.equal(r.output_text.trim(), said.trim());
ok('responses');
