import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '@primal-attention/experiment';
import type { Device } from '../command-line.js';
import type { Comparison } from './options.js';
import type { Line } from './result-line.js';

/** The file of a comparison of one mechanism; both forms of our model and the peers are lines of one file. */
export function stepFile(folder: string, [{ settings }]: Comparison, device: Device): string {
  const { mechanism, length, batch, precision } = settings;
  return join(folder, `lra-step-${device}-${mechanism}-n${length}-b${batch}-${precision}.jsonl`);
}

/** The file of all lengths at one number of tokens and one precision. */
export function lengthsFile(folder: string, [{ settings }]: Comparison, device: Device): string {
  const { length, batch, precision } = settings;
  return join(folder, `lra-lengths-${device}-t${length * batch}-${precision}.jsonl`);
}

/** The lines of a file; those of before there were kernels are of the form without them. */
export function readLines(path: string): Line[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((text) => ({ kernels: 'off', kernelsRefused: null, ...JSON.parse(text) }) as Line);
}

/** Writes lines to a file of lengths in the place of the same programs' at the same N; a run need not have all. */
export function saveLengths(path: string, lines: readonly Line[]): Line[] {
  const replaced = new Set(lines.map(keyOf));
  const kept = readLines(path).filter((line) => !replaced.has(keyOf(line)));
  const all = [...kept, ...lines].sort((a, b) => a.length - b.length);
  writeLines(path, all);
  return all;
}

export function writeLines(path: string, lines: readonly Line[]): void {
  writeWhole(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

function keyOf({ backend, kernels, mechanism, length }: Line): string {
  return JSON.stringify([backend, kernels, mechanism, length]);
}
