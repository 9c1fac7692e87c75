// `node run-main.js FOLDER [--out DIR] [--on-cpu]`: the task `experiment` of a run's folder.
// Exit code 0: finished, or skipped with a line that says why; 75: told to stop (SIGTERM, SIGINT) and stopped, with a
// checkpoint that the same command goes on from; 2: wrong usage; 1: any other failure.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { StoppedError } from '@primal-attention/training';
import { runExperiment } from './run.js';

/** sysexits.h: a temporary failure, to be tried again. */
const tryAgain = 75;

function usage(reason: string): never {
  console.error(
    `usage: node run-main.js FOLDER [--out DIR] [--on-cpu], a folder with a config.json; ${reason}`,
  );
  process.exit(2);
}

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { out: { type: 'string' }, 'on-cpu': { type: 'boolean', default: false } },
    });
  } catch (error) {
    return usage((error as Error).message);
  }
}

const { values, positionals } = parse();
const [folder, ...others] = positionals;
if (folder === undefined || others.length > 0) usage(`got ${positionals.length} folders`);
if (!existsSync(join(folder, 'config.json'))) usage(`got ${folder}`);

const controller = new AbortController();
// Once: a second signal ends the process at once.
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    console.error(`${signal}: stopping`);
    controller.abort(new StoppedError(`stopped by ${signal}`, 0));
  });
}
try {
  await runExperiment(folder, { out: values.out, onCpu: values['on-cpu'], stop: controller.signal });
} catch (error) {
  if (!controller.signal.aborted || (error as Error).name !== 'StoppedError') throw error;
  console.error((error as Error).message);
  process.exitCode = tryAgain;
}
