// `node promote.js [FOLDER …] [--replace]`: copies finished runs to results/, to be committed as reference. Without folders
// every run that finished here, variants too; a FOLDER is what a run wrote elsewhere, with its summary.json.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { finishedPlaces, promoteRuns } from '@primal-attention/experiment';
import { experimentFolder, runIds } from './folder.js';
import type { RunSummary } from './summary.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { replace: { type: 'boolean', default: false } },
});
const here = runIds()
  // The quick runs show that the code works: no table has them.
  .filter((id) => !id.includes('-quick-'))
  .flatMap((id) => finishedPlaces(join(experimentFolder(), id)));
const folders = positionals.length > 0 ? positionals : here;
if (folders.length === 0) throw new Error('promote: no run has finished here; give the folder of one');
const runs = folders.map((folder) => {
  const path = join(folder, 'summary.json');
  if (!existsSync(path)) throw new Error(`promote: ${path} is missing: the run has not finished`);
  return { folder, summary: JSON.parse(readFileSync(path, 'utf8')) as RunSummary };
});
promoteRuns(
  runs.map(({ folder, summary: { id, provenance } }) => ({ id, folder, provenance })),
  join(experimentFolder(), 'results'),
  values.replace,
);
for (const { id, accuracy, provenance } of runs.map(({ summary }) => summary)) {
  console.log(
    `results/${id}: ${(100 * accuracy.published.accuracy).toFixed(2)} %, commit ${provenance.commit}`,
  );
}
