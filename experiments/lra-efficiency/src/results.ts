import { existsSync } from 'node:fs';
import { writeWhole } from '@primal-attention/experiment';
import {
  hasOutcome,
  keyOf,
  type Line,
  type Measurement,
  type Origin,
  type Protocol,
  readLines,
} from './measurement.js';

const originFields = ['commit', 'modified', 'machine', 'device'] as const satisfies readonly (keyof Origin)[];
const protocolFields = ['schedule', 'seed', 'warmup', 'reads', 'stepsPerRead'] as const;

/** A file of results that grows line by line; what is finished stays as it is. */
export class Results {
  readonly #path: string;
  #lines: Line[];

  /**
   * @param retry drops the lines of failures, so that they are measured again
   * @throws Error when the file holds lines of another commit, machine or way of timing, which must not be mixed with new ones
   */
  constructor(path: string, current: Origin & Protocol, retry = false) {
    this.#path = path;
    const all = existsSync(path) ? readLines(path) : [];
    for (const line of all) {
      const other = [...originFields, ...protocolFields].find((field) => line[field] !== current[field]);
      if (other !== undefined) {
        throw new Error(
          `${path} holds results with ${other} ${JSON.stringify(line[other])}, and this call has ` +
            `${JSON.stringify(current[other])}: they are not mixed. Name another file with --output, or move that one away`,
        );
      }
    }
    this.#lines = retry ? all.filter(hasOutcome) : all;
  }

  get lines(): readonly Line[] {
    return this.#lines;
  }

  /** What is not there yet. */
  missing(measurements: readonly Measurement[]): Measurement[] {
    const done = new Set(this.#lines.map(keyOf));
    return measurements.filter((measurement) => !done.has(keyOf(measurement)));
  }

  add(line: Line): void {
    this.#lines = [...this.#lines, line];
    writeWhole(this.#path, this.#lines.map((each) => `${JSON.stringify(each)}\n`).join(''));
  }
}
