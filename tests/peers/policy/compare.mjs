// SPDX-License-Identifier: Apache-2.0
// Compares the answers of `writ policy eval --batch` with those of cedar-wasm:
//   node --no-turbofan compare.mjs WRIT QUESTIONS.jsonl
// run it in a folder where `npm install @cedar-policy/cedar-wasm` was done. Exit 1 on a difference.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { spawnSync } from 'node:child_process';

// Installed packages are looked for from the working directory: nothing is installed in the tree.
const require = createRequire(path.join(process.cwd(), 'index.js'));
const cedar = require('@cedar-policy/cedar-wasm/nodejs');

const [writ, questions] = process.argv.slice(2);
const lines = fs.readFileSync(questions, 'utf8').trim().split('\n');
const run = spawnSync(writ, ['policy', 'eval', '--batch'], {
  input: lines.join('\n') + '\n', maxBuffer: 1 << 30, encoding: 'utf8',
});
const answers = run.stdout.trim().split('\n').map((l) => JSON.parse(l));
const count = { same: 0, different: 0, bothRefuse: 0, allow: 0, deny: 0, errors: 0 };
const show = (x) => [...x].sort().join(' ');

lines.forEach((line, i) => {
  const q = JSON.parse(line);
  const theirs = cedar.isAuthorized({
    ...q.request, policies: { staticPolicies: q.policies }, entities: q.entities,
  });
  const ours = answers[i];
  if (theirs.type !== 'success' || ours.error !== undefined) {
    const alike = theirs.type !== 'success' && ours.error !== undefined;
    count[alike ? 'bothRefuse' : 'different']++;
    if (!alike && count.different <= 3) {
      console.log(line, '\n', JSON.stringify(theirs).slice(0, 600), '\n', JSON.stringify(ours));
    }
    return;
  }
  const d = theirs.response.decision;
  const reason = theirs.response.diagnostics.reason;
  const errors = theirs.response.diagnostics.errors.map((e) => e.policyId);
  count[d]++;
  count.errors += errors.length;
  if (d === ours.decision && show(reason) === show(ours.reason) &&
      show(errors) === show(ours.errors)) {
    count.same++;
  } else if (++count.different <= 3) {
    console.log(line, '\n', JSON.stringify(theirs.response).slice(0, 1500), '\n',
      JSON.stringify(ours));
  }
});
console.log(JSON.stringify(count));
process.exit(count.different > 0 || answers.length !== lines.length ? 1 : 0);
