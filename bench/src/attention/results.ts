import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '@primal-attention/experiment';
import type { ResultLine } from './compare.js';
import type { Options } from './options.js';
import { variants } from './settings.js';

/** A line with where it comes from. */
export type SavedLine = ResultLine & {
  readonly machine: string;
  readonly commit: string;
  readonly modified: boolean;
  readonly date: string;
};

export function resultFile(folder: string, { device, precision, batch }: Options): string {
  return join(folder, `attention-${device}-${precision}-b${batch}.jsonl`);
}

/** Writes lines to a file in the place of those of the same mechanism and length; a run need not have all. */
export function saveLines(path: string, lines: readonly SavedLine[]): void {
  const replaced = new Set(lines.map(keyOf));
  const kept = readLines(path).filter((line) => !replaced.has(keyOf(line)));
  const order = Object.keys(variants);
  const all = [...kept, ...lines].sort(
    (a, b) => a.length - b.length || order.indexOf(a.mechanism) - order.indexOf(b.mechanism),
  );
  writeWhole(path, all.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

function keyOf({ mechanism, length }: ResultLine): string {
  return `${mechanism} ${length}`;
}

function readLines(path: string): SavedLine[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as SavedLine);
}
