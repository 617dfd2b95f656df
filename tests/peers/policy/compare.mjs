// SPDX-License-Identifier: Apache-2.0
// Compares answers with those of cedar-wasm:
//   node --no-turbofan compare.mjs WRIT QUESTIONS.jsonl
//       the decisions of `writ policy eval --batch`
//   node --no-turbofan compare.mjs --validate VALIDATOR QUESTIONS.jsonl
//       what policy_validator says is valid
// The questions are policy_questions'. Run it in a folder where cedar-wasm is installed, as
// package.json here has it. Exit 1 on a difference.
//
// One difference is meant: a policy whose scope no action of the schema can fulfil is refused here;
// the other side only warns.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { spawnSync } from 'node:child_process';

// Installed packages are looked for from the working directory: nothing is installed in the tree.
const require = createRequire(path.join(process.cwd(), 'index.js'));
const cedar = require('@cedar-policy/cedar-wasm/nodejs');

const args = process.argv.slice(2);
const validate = args[0] === '--validate';
const [program, questions] = validate ? args.slice(1) : args;
const lines = fs.readFileSync(questions, 'utf8').trim().split('\n');
const run = spawnSync(program, validate ? [] : ['policy', 'eval', '--batch'], {
  input: lines.join('\n') + '\n', maxBuffer: 1 << 30, encoding: 'utf8',
});
const answers = run.stdout.trim().split('\n').map((l) => JSON.parse(l));
const show = (x) => [...x].sort().join(' ');

function decided(q, ours, count) {
  const theirs = cedar.isAuthorized({
    ...q.request, policies: { staticPolicies: q.policies }, entities: q.entities,
  });
  if (theirs.type !== 'success' || ours.error !== undefined) {
    const alike = theirs.type !== 'success' && ours.error !== undefined;
    count.bothRefuse = (count.bothRefuse ?? 0) + alike;
    return alike ? null : theirs;
  }
  const { decision, diagnostics } = theirs.response;
  const errors = diagnostics.errors.map((e) => e.policyId);
  count[decision] = (count[decision] ?? 0) + 1;
  count.errors = (count.errors ?? 0) + errors.length;
  return decision === ours.decision && show(diagnostics.reason) === show(ours.reason) &&
    show(errors) === show(ours.errors) ? null : theirs.response;
}

function validated(q, ours, count) {
  const theirs = cedar.validate({
    validationSettings: { mode: 'strict' }, schema: q.schema, policies: { staticPolicies: q.policies },
  });
  const scope = (w) => /unable to find an applicable action/.test(w.error.message);
  const valid = theirs.type === 'success' && theirs.validationErrors.length === 0 &&
    !theirs.validationWarnings.some(scope);
  count[valid ? 'valid' : 'invalid'] = (count[valid ? 'valid' : 'invalid'] ?? 0) + 1;
  return valid === ours.valid ? null : theirs;
}

const count = { asked: lines.length, different: 0 };
lines.forEach((line, i) => {
  const theirs = (validate ? validated : decided)(JSON.parse(line), answers[i], count);
  if (theirs && ++count.different <= 3) {
    console.log(line, '\n', JSON.stringify(theirs).slice(0, 1500), '\n', JSON.stringify(answers[i]));
  }
});
console.log(JSON.stringify(count));
process.exit(count.different > 0 || answers.length !== lines.length ? 1 : 0);
