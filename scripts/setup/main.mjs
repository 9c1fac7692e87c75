import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { passSignalsOn } from './child.mjs';
import { SetupError } from './failure.mjs';
import { acquireLock } from './lock.mjs';
import { nodePackages } from './node-packages.mjs';
import { findPython } from './python.mjs';
import { pythonPackages } from './python-packages.mjs';
import { childEnvironment, ROOT, STATE } from './workspace.mjs';

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** Brings the checkout into working order; does nothing where nothing changed. Throws a SetupError. */
export async function setUp() {
  const start = performance.now();
  const say = (line) => console.log(`  ${line}`);
  console.log(`Set-up of ${ROOT}`);
  mkdirSync(STATE, { recursive: true });
  const ignoreSignals = passSignalsOn();
  const lock = await acquireLock(join(STATE, 'lock'), say);
  try {
    say(`Node.js ${process.versions.node}: ok`);
    const python = findPython(ROOT);
    say(`Python ${python.version} (${python.path}): ok`);
    const env = childEnvironment();
    for (const step of [nodePackages(), ...pythonPackages(python), build]) {
      const begin = performance.now();
      process.stdout.write(`  ${step.title}: `);
      const result = await step.perform({
        env,
        log: join(STATE, `${step.id}.log`),
        onStart: (pid) => lock.setChild(pid),
        note: (why) => process.stdout.write(`${why}: `),
      });
      console.log(`${result}, ${seconds(begin)}`);
    }
  } finally {
    lock.release();
    ignoreSignals();
  }
  console.log(`Set-up is complete, ${seconds(start)}.\n`);
}

/** `setUp`, with a failure told in its own words. Returns the exit code. */
export async function main() {
  try {
    await setUp();
    return 0;
  } catch (error) {
    return report(error);
  }
}

/** Prints a failed set-up's message; anything that is not meant for a reader is thrown on. Returns the exit code. */
export function report(error) {
  console.log('');
  if (error instanceof SetupError) {
    console.error(`Set-up stopped. ${error.message}`);
    return error.kind === 'interrupted' ? 130 : 1;
  }
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    console.error(`Set-up stopped. The disk is full (${error.message}). Free some space, then run it again.`);
    return 1;
  }
  throw error;
}
