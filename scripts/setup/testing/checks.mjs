import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { describe, test } from 'node:test';
import { Project } from './project.mjs';

const checks = [];

/** A test with a small checkout of its own; those run beside one another. */
export function check(name, body) {
  checks.push([name, body]);
}

/** The calls that a first set-up makes. */
export const ALL = ['pnpm', 'venv', 'pip requirements.txt', 'pip requirements-pjrt.txt'];

/** Runs the set-up, which must succeed; returns its output. */
export async function succeed(project, env) {
  const { code, output } = await project.run(env);
  assert.equal(code, 0, output);
  return output;
}

/** Runs the set-up, which must fail with all of `patterns` in its output and no stack. */
export async function fail(project, env, ...patterns) {
  const { code, output } = await project.run(env);
  assert.equal(code, 1, output);
  for (const pattern of patterns) assert.match(output, pattern);
  assert.doesNotMatch(output, /^\s+at .*\.mjs:\d+/m);
  return output;
}

/** Runs what `check` has noted. */
export function runChecks(title) {
  describe(title, { concurrency: availableParallelism() }, () => {
    for (const [name, body] of checks) {
      test(name, async () => {
        const project = new Project();
        try {
          await body(project);
        } finally {
          project.dispose();
        }
      });
    }
  });
}
