// SPDX-License-Identifier: Apache-2.0
// Conversations with a route of which one model never begins to answer.
//
//   node model_hedge.mjs ask URL ROUTE BACKEND-PORT
//   node model_hedge.mjs sum WRIT STATE CONFIG
//
// `ask` goes on until the silent model, which listens there, was asked for whole answers and for streams: each gets
// its answer, and the silent model sees each of its own given up. `sum` compares what the ledger says of each attempt
// with what the budget has left.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import OpenAI from 'openai';

const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });

async function ask(url, route, port) {
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
  const silent = async () => (await fetch(`http://127.0.0.1:${port}/seen`)).json();
  const asked = async () => (await silent()).seen.filter((s) => s.method === 'POST').length;
  const hedged = { whole: 0, stream: 0 };
  let slowest = 0;
  for (let i = 0; hedged.whole < 2 || hedged.stream < 2; i += 1) {
    assert(i < 60, 'the silent model was never preferred');
    const how = i % 2 ? 'stream' : 'whole';
    const text = `conversation ${i}`;
    const q = { model: route, max_tokens: 10, messages: [{ role: 'user', content: text }] };
    const before = await asked();
    let said = '';
    if (how === 'whole') {
      said = (await openai.chat.completions.create(q)).choices[0].message.content;
    } else {
      for await (const c of await openai.chat.completions.create({ ...q, stream: true })) said += c.choices[0]?.delta?.content ?? '';
    }
    const answered = performance.now();
    assert.equal(said.trim(), `echo: ${text}`);
    const n = await asked();
    hedged[how] += n - before;
    while ((await silent()).closed.length < n) await sleep(1);
    slowest = n > before ? Math.max(slowest, performance.now() - answered) : slowest;
  }
  process.stdout.write(`ok each was answered, and what the silent model had was given up within ${slowest.toFixed(1)} ms\n`);
}

function sum(writ, state, config) {
  const run = (...args) => JSON.parse(execFileSync(writ, args, { encoding: 'utf8' }));
  let used = 0;
  const attempts = {};
  for (const { entry } of run('ledger', 'show', '--json', state).records) {
    if (!entry.deployment) continue;
    attempts[entry.status] = (attempts[entry.status] ?? 0) + 1;
    used += entry.tokens_in === undefined ? entry.reserved_tokens ?? 0 : entry.tokens_in + entry.tokens_out;
  }
  const [budget] = run('budget', '--config', config, '--json').budgets;
  assert(attempts.cancelled >= 4 && attempts.ok >= 4, JSON.stringify(attempts));
  assert.equal(budget.used, used);
  process.stdout.write('ok the budget is what the records say\n');
}

const [command, ...args] = process.argv.slice(2);
await (command === 'sum' ? sum : ask)(...args);
