// `node run-main.js FOLDER`: the task `experiment` of a run's folder.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runExperiment } from './run.js';

const folder = process.argv[2];
if (folder === undefined || !existsSync(join(folder, 'config.json'))) {
  console.error(`usage: node run-main.js FOLDER, a folder with a config.json; got ${folder}`);
  process.exit(2);
}
await runExperiment(folder);
