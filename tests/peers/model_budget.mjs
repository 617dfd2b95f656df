// SPDX-License-Identifier: Apache-2.0
// Uses up a budget of tokens with many requests at once, on connections of their own.
//
//   node model_budget.mjs URL MODEL LIMIT
//
// Prints what was used as the answers tell it; fails when that is more than the limit, or when a request was
// refused that fitted surely.
import assert from 'node:assert/strict';
import http from 'node:http';
import OpenAI from 'openai';

const [url, model, limit] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const max_tokens = 20;
const worst = 400; // of one request here: its bytes and max_tokens
const ask = (stream) => new Promise((done, fail) => {
  const body = JSON.stringify({ model, max_tokens, stream, messages: [{ role: 'user', content: 'one two three four' }] });
  const req = http.request(`${url}/v1/chat/completions`, { method: 'POST', agent: false, headers: { 'content-type': 'application/json', 'content-length': body.length } }, (res) => {
    let text = '';
    res.on('data', (d) => { text += d; });
    res.on('end', () => done({ status: res.statusCode, headers: res.headers, text }));
    res.on('error', fail);
  });
  req.on('error', fail);
  req.end(body);
});
const cost = 13; // what the back end says of each: 8 in, 5 out
let used = 0;
let refused;
while (!refused) {
  const all = await Promise.all(Array.from({ length: 40 }, (_, i) => ask(i % 2 === 1)));
  for (const a of all) {
    if (a.status === 200) {
      used += cost;
      // who did not ask for usage in a stream does not get it, though Writ did ask
      assert(!a.text.startsWith('data:') || (!a.text.includes('"usage":{') && a.text.endsWith('data: [DONE]\n\n')), a.text);
    } else {
      assert.equal(a.status, 429, a.text);
      refused = a;
    }
  }
  assert(used <= limit, `${used} of ${limit}`);
}
for (let a = await ask(false); a.status === 200; a = await ask(false)) used += cost;
assert(used <= limit && used > limit - worst, `${used} of ${limit}`);
const error = JSON.parse(refused.text).error;
assert.equal(error.code, 'budget_exhausted');
assert.equal(error.writ.budget, 'monthly');
assert.match(error.message, /budget monthly of anonymous: of 3000 tokens a month .* begins anew at \d{4}-\d\d-01T00:00:00Z/);
assert(Number(refused.headers['retry-after']) > 0 && Number(refused.headers['retry-after']) <= 31 * 86400);
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none' });
await assert.rejects(openai.chat.completions.create({ model, max_tokens, messages: [{ role: 'user', content: 'x'.repeat(500) }] }), OpenAI.RateLimitError);
process.stdout.write('ok used to the end and not beyond\n');
