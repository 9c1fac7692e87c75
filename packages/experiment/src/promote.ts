import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Provenance } from './provenance.js';

/** A finished run that is to become a reference. */
export interface PromotedRun {
  readonly id: string;
  /** Where its files are. */
  readonly folder: string;
  readonly provenance: Provenance;
}

/** The files of a run that are kept as reference. */
const files = ['summary.json', 'metrics.jsonl', 'timing.jsonl'];

/**
 * Copies runs to `results/<id>`, to be committed; all of them or none.
 *
 * @param replace takes a run though another one with its id is there
 * @throws Error for a run whose code is not a commit, or that would replace another one
 */
export function promoteRuns(runs: readonly PromotedRun[], results: string, replace: boolean): void {
  for (const { id, provenance } of runs) {
    if (provenance.modified || provenance.commit === 'unknown') {
      throw new Error(
        `promote: run '${id}' was made from code that is not a commit; a reference must name its code`,
      );
    }
    const path = join(results, id, 'summary.json');
    if (!existsSync(path) || replace) continue;
    const old = JSON.parse(readFileSync(path, 'utf8')) as { readonly provenance: Provenance };
    if (old.provenance.date !== provenance.date) {
      throw new Error(
        `promote: results/${id} holds another run (of ${old.provenance.date}); --replace takes this one`,
      );
    }
  }
  for (const { id, folder } of runs) {
    const target = join(results, id);
    mkdirSync(target, { recursive: true });
    for (const name of files) copyFileSync(join(folder, name), join(target, name));
  }
}
