import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cardOf } from '@primal-attention/experiment';
import type { Line } from './measurement.js';
import { programFolder } from './options.js';
import type { Precision } from './settings.js';

/** A number, or the least and the most of several runs. */
export type Range = number | readonly [number, number];

/** One measurement of the official code, or of a program of that kind. */
export interface OfficialLine {
  readonly program: string;
  readonly model: string;
  readonly precision: string;
  readonly msPerStep: Range;
  readonly peakGiB?: Range;
  readonly note?: string;
}

/** One card's file in peers/. */
export interface OfficialNumbers {
  readonly what: string;
  readonly device: string;
  /** How far its numbers may be compared with others. */
  readonly comparable: string;
  readonly task: string;
  readonly length: number;
  readonly batch: number;
  readonly lines: readonly OfficialLine[];
}

/** Times of the official PyTorch code and others, a file for each card on which they ran. */
export function officialNumbers(folder = join(programFolder(), 'peers')): OfficialNumbers[] {
  return readdirSync(folder)
    .filter((name) => /^official-.*\.json$/.test(name))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as OfficialNumbers);
}

/** The official code's own name for a precision: its half precision is float16. */
const officialPrecision: Readonly<Record<Precision, string>> = {
  float32: 'float32',
  tf32: 'tf32',
  bf16: 'fp16 autocast',
};

/**
 * Milliseconds of the official code for what one of our lines measures: the same model on the same card, at the same sizes and in the
 * precision that answers to ours; undefined where it was not timed.
 */
export function officialTime(line: Line, numbers: readonly OfficialNumbers[]): number | undefined {
  if (line.program !== 'ours') return undefined;
  const same = numbers.find(
    ({ device, task, length, batch }) =>
      device === cardOf(line.device) && task === line.task && length === line.length && batch === line.batch,
  );
  const ms = same?.lines.find(
    ({ program, model, precision }) =>
      program.startsWith('official') &&
      model === line.model &&
      precision === officialPrecision[line.precision],
  )?.msPerStep;
  return typeof ms === 'number' ? ms : undefined;
}
