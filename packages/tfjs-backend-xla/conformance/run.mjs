#!/usr/bin/env node
// pnpm conformance: runs the test-suite of TensorFlow.js, which its npm package ships, against the backend xla.
// `pnpm conformance --only PATTERN` runs the specs whose full names match a regular expression.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { rolldown } from 'rolldown';

/**
 * How many specs the suite of @tensorflow/tfjs-core 4.22.0 defines on Node.js for a backend that can be read synchronously.
 * Another number means that some were lost, or that the package was updated: look which, then change it.
 */
const specsDefined = 4230;

const require = createRequire(import.meta.url);
const { values: options } = parseArgs({ options: { only: { type: 'string' } } });
const only = options.only === undefined ? undefined : new RegExp(options.only);

/** @type {{ pattern: string, reason: string }[]} parts of full names of specs that do not apply to this backend */
const exclusions = JSON.parse(readFileSync(new URL('excluded.json', import.meta.url), 'utf8'));
const matches = new Map(exclusions.map(({ pattern }) => [pattern, 0]));

function isExcluded(name) {
  const found = exclusions.filter(({ pattern }) => name.includes(pattern));
  for (const { pattern } of found) matches.set(pattern, matches.get(pattern) + 1);
  return found.length > 0;
}

/** The suite as one CommonJS file: its modules import each other without file endings, which Node.js does not resolve. */
async function bundleSuite(file) {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('suite.js', import.meta.url)),
    platform: 'node',
    // Test files are imported for their effects, but the package claims that its files have none.
    treeshake: false,
    logLevel: 'silent',
  });
  await bundle.write({ file, format: 'cjs' });
  await bundle.close();
}

/** Puts jasmine's functions in the global scope, where the suite looks for them. */
function startJasmine() {
  const { boot } = require('jasmine-core');
  return boot(true);
}

async function loadBackend() {
  await import('@primal-attention/tfjs-backend-xla');
  const tf = require('@tensorflow/tfjs-core');
  if (!(await tf.setBackend('xla'))) throw new Error('conformance: the backend xla could not be started');
}

async function main() {
  await loadBackend();
  const folder = mkdtempSync(join(tmpdir(), 'conformance-'));
  let suite;
  const jasmine = startJasmine();
  const env = jasmine.getEnv();
  try {
    await bundleSuite(join(folder, 'suite.cjs'));
    suite = require(join(folder, 'suite.cjs'));
  } finally {
    rmSync(folder, { recursive: true });
  }
  suite.setTestEnvs([{ name: 'xla', backendName: 'xla', flags: {}, isDataSync: true }]);
  suite.defineSpecs();
  // The suite sets one that suits an idle machine. Nothing in it is meant to measure time, and a hang still ends.
  jasmine.DEFAULT_TIMEOUT_INTERVAL = 240_000;

  const count = { passed: 0, failed: 0, excluded: 0, pending: 0 };
  const failures = [];
  const skipped = [];
  let defined = 0;
  env.configure({
    random: false,
    specFilter: (spec) => {
      defined++;
      const name = spec.getFullName();
      const excluded = isExcluded(name);
      return !excluded && (only === undefined || only.test(name));
    },
  });
  const fail = (name, expectations) => {
    const messages = expectations.map(({ message }) => message.split('\n').slice(0, 3).join('\n    '));
    failures.push([name, ...messages].join('\n    '));
  };
  env.addReporter({
    specDone: ({ status, fullName, failedExpectations }) => {
      count[status]++;
      if (status === 'failed') fail(fullName, failedExpectations);
      if (status === 'pending') skipped.push(fullName);
    },
    suiteDone: ({ fullName, failedExpectations }) => {
      if (failedExpectations.length > 0) fail(`after all of ${fullName}`, failedExpectations);
    },
  });
  const begin = performance.now();
  const { failedExpectations } = await env.execute();
  if (failedExpectations.length > 0) fail('outside of all suites', failedExpectations);

  for (const name of skipped) console.log(`skipped by the suite itself: ${name}`);
  for (const [pattern, specs] of matches) {
    if (specs === 0) failures.push(`excluded.json: '${pattern}' matches no spec; take it out`);
  }
  if (defined !== specsDefined)
    failures.push(`the suite defined ${defined} specs, ${specsDefined} were expected`);
  for (const failure of failures) console.log(`FAILED  ${failure}`);
  console.log(`${defined} specs defined in ${((performance.now() - begin) / 1000).toFixed(0)} s`);
  const failed = Math.max(count.failed, failures.length);
  const tally = `${count.passed} passed, ${failed} failed`;
  if (only === undefined) console.log(`conformance: ${tally}, ${count.excluded} excluded`);
  else console.log(`conformance of ${only}: ${tally}`);
  process.exitCode = failed === 0 && count.passed > 0 ? 0 : 1;
}

await main();
