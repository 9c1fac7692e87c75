import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cardOf } from '@primal-attention/experiment';
import { type Line, readLines } from './measurement.js';
import { programFolder } from './options.js';

/** A file of results that is kept with the code. */
export interface CommittedResults {
  /** Without its ending: `efficiency-nvidia-h100-80gb-hbm3`. */
  readonly name: string;
  readonly path: string;
  /** As a path from the root of the repository. */
  readonly source: string;
  readonly lines: readonly Line[];
  /** The model of the card. */
  readonly card: string;
}

/** The package's results, by name. @throws Error for a file without lines */
export function committedResults(folder = join(programFolder(), 'results')): CommittedResults[] {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names
    .filter((name) => /^efficiency-.*\.jsonl$/.test(name))
    .sort()
    .map((name) => {
      const path = join(folder, name);
      const lines = readLines(path);
      if (lines.length === 0) throw new Error(`${path} has no lines; delete it, or measure into it`);
      return {
        name: basename(name, '.jsonl'),
        ...{ path, lines, source: `experiments/lra-efficiency/results/${name}` },
        card: cardOf(lines[0].device),
      };
    });
}
