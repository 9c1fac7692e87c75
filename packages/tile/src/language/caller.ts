import { dirname, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const ownFolder = dirname(fileURLToPath(import.meta.url)) + sep;

/** More frames than this language has of its own between a kernel and an error, of which Node.js keeps 10 by itself. */
const frames = 32;

/** Where a line of a kernel stands, as `file:line:column`. */
export type SourceLine = string;

/** A stack, of which the line is read only when someone asks. */
export class CallSite {
  readonly #trace = deepTrace();

  /** The innermost line that is not this language's own: a line of the kernel, or of a helper that it calls. */
  get line(): SourceLine {
    for (const frame of (this.#trace.stack ?? '').split('\n').slice(1)) {
      const [, place, line, column] =
        /(?:\(|at (?:async )?)([^()\s][^()]*?):(\d+):(\d+)\)?$/.exec(frame) ?? [];
      if (place === undefined) continue;
      const file = place.startsWith('file:') ? fileURLToPath(place.replace(/\?.*$/, '')) : place;
      if (file.startsWith(ownFolder) && !/\.test\.[cm]?[jt]s$/.test(file)) continue;
      const near = relative(process.cwd(), file);
      return `${near.startsWith('..') || near === '' ? file : near}:${line}:${column}`;
    }
    return 'an unknown line';
  }
}

function deepTrace(): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = Math.max(frames, stackTraceLimit);
  try {
    return new Error();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** An error in how a kernel is written, with its line. */
export function misuse(operation: string, problem: string): Error {
  return new Error(`${operation}: ${problem} (${new CallSite().line})`);
}
