import { readNumber, textBytes, trimmedLines } from './lines.js';
import type { TimeSeriesCase, TimeSeriesSet } from './parse-ts.js';
import { excerpt, type Fail } from './ts-header.js';

/** Options of {@link parseFrames}. */
export interface ParseFramesOptions {
  /** The set's name. */
  name: string;
  /** Values in a frame. */
  dimensions: number;
  /** Labels in the order of their blocks: the file has as many series of each, one block after the other. */
  classes: readonly string[];
  /** Stands in error messages. Default: `frames`. */
  file?: string;
}

/**
 * Reads UCI's "Spoken Arabic Digit" text: one frame a line, its values separated by blanks, and a blank line before each
 * utterance. The file has no labels: they follow from the position, N / classes utterances of each class in turn.
 *
 * An utterance that is lost or cut in two would move all labels behind it, so the number of utterances must be a multiple of the
 * classes; `loadUea` also checks the number itself. Encoding and line ends as in `parseTs`.
 */
export function parseFrames(source: string | Uint8Array, options: ParseFramesOptions): TimeSeriesSet {
  const { name, dimensions, classes, file = 'frames' } = options;
  const fail: Fail = (line, message) => {
    throw new Error(`parseFrames: ${file}${line > 0 ? `:${line}` : ''}: ${message}`);
  };
  const bytes = textBytes(source, fail);
  const cases: TimeSeriesCase[] = [];
  let frames: number[][] = [];
  const finish = (): void => {
    if (frames.length > 0) cases.push(transposed(frames, dimensions));
    frames = [];
  };
  for (const [line, text] of trimmedLines(bytes)) {
    if (text === '') {
      finish();
      continue;
    }
    const tokens = text.split(/\s+/);
    if (tokens.length !== dimensions)
      fail(line, `the frame has ${tokens.length} values, expected ${dimensions}`);
    frames.push(
      tokens.map((token, index) => {
        const value = readNumber(token);
        if (value !== undefined && !Number.isNaN(value)) return value;
        return fail(line, `value ${index + 1}: expected a finite number, got "${excerpt(token)}"`);
      }),
    );
  }
  finish();
  if (cases.length === 0) fail(0, bytes.length === 0 ? 'the file is empty' : 'the file has only blank lines');
  if (cases.length % classes.length !== 0) {
    fail(
      0,
      `${cases.length} utterances are no multiple of ${classes.length} classes: the labels, which follow from the position, cannot be told`,
    );
  }
  const each = cases.length / classes.length;
  const lengths = cases.map((one) => one.length);
  return {
    name,
    dimensions,
    classes: [...classes],
    labels: Int32Array.from(cases, (_, index) => Math.floor(index / each)),
    cases,
    minLength: lengths.reduce((a, b) => Math.min(a, b)),
    maxLength: lengths.reduce((a, b) => Math.max(a, b)),
    missing: 0,
  };
}

function transposed(frames: readonly number[][], dimensions: number): TimeSeriesCase {
  const length = frames.length;
  const values = new Float64Array(dimensions * length); // [dimensions, length]
  for (const [step, frame] of frames.entries()) {
    for (let channel = 0; channel < dimensions; channel++) values[channel * length + step] = frame[channel];
  }
  return { values, length };
}
