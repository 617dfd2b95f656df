// SPDX-License-Identifier: Apache-2.0
// What a back end is told to keep its caches apart by.
//
//   node model_salt.mjs URL PORT-OF-one PORT-OF-plain ANN BOB EVE
//
// The keys are those of two agents of one team and of one of another. Prints a line for each thing that holds.
import assert from 'node:assert/strict';

const [url, one, plain, ann, bob, eve] = process.argv.slice(2);
const ok = (what) => process.stdout.write(`ok ${what}\n`);
const messages = [{ role: 'user', content: 'x' }];
const seen = async (port) => (await (await fetch(`http://127.0.0.1:${port}/seen`)).json()).seen.filter((s) => s.method === 'POST');
const salt = async (key, path, q, port = one) => {
  const answer = await fetch(`${url}/v1/${path}`, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify(q) });
  assert.equal(answer.status, 200, await answer.text());
  const { body } = (await seen(port)).at(-1);
  assert((body.match(/cache_salt/g) ?? []).length <= 1);
  return JSON.parse(body).cache_salt;
};

const blue = await salt(ann, 'chat/completions', { model: 'one', messages });
assert.match(blue, /^[0-9a-f]{32}$/);
assert.equal(await salt(bob, 'chat/completions', { model: 'one', stream: true, messages }), blue);
assert.equal(await salt(bob, 'responses', { model: 'one', input: 'x' }), blue);
assert.equal(await salt(bob, 'completions', { model: 'one', prompt: 'x' }), blue);
ok('one team, one salt');
const red = await salt(eve, 'chat/completions', { model: 'one', messages });
assert.match(red, /^[0-9a-f]{32}$/);
assert.notEqual(red, blue);
ok('another team has another');
assert.equal(await salt(eve, 'chat/completions', { cache_salt: blue, model: 'one', store: true, messages }), red);
assert.equal(await salt(eve, 'completions', { model: 'one', prompt: 'x', cache_salt: null }), red);
ok("a client's own is replaced");
assert.equal(await salt(ann, 'chat/completions', { model: 'plain', messages }, plain), undefined);
assert.equal(await salt(ann, 'chat/completions', { model: 'plain', cache_salt: 'mine', messages }, plain), 'mine');
ok('other engines are not told');
