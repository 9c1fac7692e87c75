import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { type GoldenCase, loadGolden } from './case.js';
import { type Computed, compareGolden, type Deviation, isWithin } from './compare.js';

/**
 * Computes with our code what a golden case holds: every output, loss and gradient, by the names of the file. Shapes,
 * masks and options come from the case's tensors and its `config`, never from its name.
 *
 * It returns no promise, so that it can run in a chosen precision. The tensors and variables that it makes are disposed of
 * by who calls it: {@link runCase} does.
 */
export type GoldenCheck = (golden: GoldenCase) => Computed;

/** By the name of the golden file without its ending. */
export type GoldenChecks = Readonly<Record<string, GoldenCheck>>;

/** How one case went. */
export interface CaseResult {
  file: string;
  name: string;
  passed: boolean;
  deviations: Deviation[];
  /** Why nothing could be compared. */
  failure?: string;
}

/** The check of a file: of its own name, or of the longest name that its own begins with (`linear` for `linear-2`). */
export function checkOf(checks: GoldenChecks, file: string): GoldenCheck {
  if (Object.hasOwn(checks, file)) return checks[file];
  const known = Object.keys(checks)
    .filter((name) => file.startsWith(name) && /^[^a-z]/i.test(file.slice(name.length)))
    .sort((a, b) => b.length - a.length);
  if (known.length > 0) return checks[known[0]];
  throw new Error(`no check knows ${file}.safetensors; known are ${Object.keys(checks).sort().join(', ')}`);
}

/** Runs a check on one case; what it throws becomes the result's `failure`. Nothing that it makes on the device remains. */
export async function runCase(check: GoldenCheck, golden: GoldenCase): Promise<CaseResult> {
  const { file, name } = golden;
  try {
    const deviations = await inScope(async () => {
      const computed = check(golden);
      const found = await compareGolden(golden, computed);
      // Some may have been kept, beyond any scope.
      tf.dispose(Object.values(computed).flat() as tf.TensorContainer);
      return found;
    });
    if (deviations.length === 0) throw new Error('the case holds no output, loss or gradient');
    return { file, name, passed: deviations.every(isWithin), deviations };
  } catch (error) {
    return { file, name, passed: false, deviations: [], failure: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A tidy that may wait, and that takes new variables too. One at a time: scopes are a stack. */
async function inScope<R>(fn: () => Promise<R>): Promise<R> {
  const engine = tf.engine();
  const before = new Set(Object.values(engine.registeredVariables));
  engine.startScope('golden');
  try {
    return await fn();
  } finally {
    engine.endScope();
    for (const variable of Object.values(engine.registeredVariables)) {
      if (!before.has(variable)) variable.dispose();
    }
  }
}

/** Outputs first, then losses, then gradients. */
const order = ['out', 'loss', 'grad'];

/** One line with the largest deviation of each section beside its tolerance, and a line for each tensor that failed. */
export function describeCase({ file, name, passed, deviations, failure }: CaseResult): string {
  const rank = (section: string): number => order.findIndex((start) => section.startsWith(start));
  const sections = [...new Set(deviations.map(({ section }) => section))].sort((a, b) => rank(a) - rank(b));
  const share = ({ error, tolerance }: Deviation): number => (error === 0 ? 0 : error / tolerance);
  const worst = sections.map((section) => {
    const of = deviations.filter((deviation) => deviation.section === section);
    const most = of.reduce((a, b) => (share(b) > share(a) || Number.isNaN(share(b)) ? b : a));
    return `${section} ${most.error.toExponential(1)}${most.tolerance === 0 ? ' (exact)' : ` of ${most.tolerance}`}`;
  });
  const wrong = deviations
    .filter((deviation) => !isWithin(deviation))
    .map(
      ({ name: at, error, tolerance, reason }) =>
        `\n    ${at}: ${reason ?? `${error.toExponential(1)}, at most ${tolerance}`}`,
    );
  return `${passed ? 'passed' : 'FAILED'}  ${file} ${name}  ${failure ?? worst.join(', ')}${wrong.join('')}`;
}

/**
 * Runs every case of every safetensors file in a folder, prints a line for each, and at the end
 * `golden: P passed, F failed`. A file that cannot be read, or that no check knows, is one case that failed.
 *
 * @returns the number of cases that failed
 * @throws Error if the folder holds no safetensors file
 */
export async function runGolden(
  folder: string,
  checks: GoldenChecks,
  print: (line: string) => void,
): Promise<number> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.safetensors')).sort();
  if (files.length === 0) throw new Error(`there is no .safetensors file in ${folder}`);
  let [passed, failed] = [0, 0];
  const report = (result: CaseResult): void => {
    print(describeCase(result));
    if (result.passed) passed++;
    else failed++;
  };
  for (const file of files) {
    const stem = file.slice(0, -'.safetensors'.length);
    let check: GoldenCheck;
    let cases: GoldenCase[];
    try {
      check = checkOf(checks, stem);
      cases = await loadGolden(join(folder, file));
      if (cases.length === 0) throw new Error('the file holds no case');
    } catch (error) {
      report({ file: stem, name: '(all)', passed: false, deviations: [], failure: messageOf(error) });
      continue;
    }
    for (const golden of cases) report(await runCase(check, golden));
  }
  print(`golden: ${passed} passed, ${failed} failed`);
  return failed;
}
