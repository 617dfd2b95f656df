// SPDX-License-Identifier: Apache-2.0
// Runs a stdio server unchanged and writes every byte that it receives to a file, so that a
// scenario can say what the server heard, and what it never heard of.
//
//   node ear.mjs FILE SERVER.js [ARGS...]
import { appendFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [file, server] = process.argv.splice(2, 2);
const emit = process.stdin.emit;
appendFileSync(file, '');
process.stdin.emit = function heard(event, data, ...more) {
  if (event === 'data') appendFileSync(file, data);
  return emit.call(this, event, data, ...more);
};
process.argv[1] = server;
await import(pathToFileURL(server).href);
