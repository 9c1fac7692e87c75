import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { programFolder } from './options.js';

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

/** What is in peers/official-h100.json. */
export interface OfficialNumbers {
  readonly what: string;
  readonly device: string;
  /** How far its numbers may be compared with others. */
  readonly comparable: string;
  readonly task: string;
  readonly lines: readonly OfficialLine[];
}

/** Times of the official PyTorch code and others on an H100, which are no times of ours or of any other card. */
export function officialNumbers(): OfficialNumbers {
  return JSON.parse(
    readFileSync(join(programFolder(), 'peers', 'official-h100.json'), 'utf8'),
  ) as OfficialNumbers;
}
