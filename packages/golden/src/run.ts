import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type GoldenCase, loadGolden } from './case.js';
import { type Computed, compareGolden, type Deviation, isWithin } from './compare.js';

/**
 * Computes with our code what a golden case holds: every output, loss and gradient, by the names of the file. Shapes,
 * masks and options come from the case's tensors and its `config`, never from its name.
 */
export type GoldenCheck = (golden: GoldenCase) => Computed | Promise<Computed>;

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

/** Runs a check on one case; what it throws becomes the result's `failure`. */
export async function runCase(check: GoldenCheck, golden: GoldenCase): Promise<CaseResult> {
  const { file, name } = golden;
  try {
    const deviations = await compareGolden(golden, await check(golden));
    if (deviations.length === 0) throw new Error('the case holds no output, loss or gradient');
    return { file, name, passed: deviations.every(isWithin), deviations };
  } catch (error) {
    return { file, name, passed: false, deviations: [], failure: (error as Error).message };
  }
}

/** One line: the largest deviation of each section beside its tolerance, and what failed. */
export function describeCase({ file, name, passed, deviations, failure }: CaseResult): string {
  const sections = [...new Set(deviations.map(({ section }) => section))];
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
 * `golden: P passed, F failed`.
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
  for (const file of files) {
    const stem = file.slice(0, -'.safetensors'.length);
    const report = (result: CaseResult): void => {
      print(describeCase(result));
      if (result.passed) passed++;
      else failed++;
    };
    try {
      const check = checkOf(checks, stem);
      for (const golden of await loadGolden(join(folder, file))) report(await runCase(check, golden));
    } catch (error) {
      report({ file: stem, name: '(all)', passed: false, deviations: [], failure: (error as Error).message });
    }
  }
  print(`golden: ${passed} passed, ${failed} failed`);
  return failed;
}
