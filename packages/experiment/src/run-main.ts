import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RunInUseError, StoppedError } from '@primal-attention/training';
import { RunError } from './run-error.js';
import { readVariant, type Variant } from './variant.js';

/** One run, as it was asked for on the command line. */
export interface RunRequest {
  /** The run's folder, which has its config.json. */
  readonly folder: string;
  /** What is to be taken otherwise than the config says. */
  readonly variant: Variant;
  /** Where the run's files go; default: {@link placesOf}. */
  readonly out?: string;
  /** Where a run without a GPU, or without its data, is to be left out and not to be an error: see {@link lacking}. */
  readonly onGpu: boolean;
  /** Aborted when the process is asked to end: for `stop` of `train`, which writes a checkpoint then and throws StoppedError. */
  readonly stop: AbortSignal;
}

/** Exit code of a run that was stopped and can go on: `EX_TEMPFAIL` of sysexits.h. */
export const exitStopped = 75;

const usage =
  'usage: node run-main.js FOLDER [--seed N] [--precision NAME] [--kernels] [--out DIR] [--on-gpu], where FOLDER has a config.json; ' +
  '--seed and --precision (float32, tf32, bf16) are taken in place of its own; --kernels computes by GPU kernels of our own, with ' +
  'the draw of dropout masks that they are fast with, or fails where none run; DIR (default: FOLDER/run, of a variant FOLDER/variants/NAME) takes ' +
  "the run's files; --on-gpu leaves a run out where there is no GPU or not its data";

/**
 * The main program of a run: `node run-main.js FOLDER [--seed N] [--precision NAME] [--kernels] [--out DIR] [--on-gpu]`.
 *
 * SIGTERM and SIGINT ask the run to stop; a second one ends the process at once, as it would without this. Exit codes: 0 when the
 * run is finished, or was left out with a line that says why; 75 when it was stopped after a checkpoint; 2 when the command line,
 * the config or the engine's settings are refused, before anything is written; 1 when the run failed, or another process makes it.
 */
export async function runMain(
  run: (request: RunRequest) => Promise<unknown>,
  args: readonly string[] = process.argv.slice(2),
): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(usage);
    return;
  }
  const request = readRequest(args);
  if (typeof request === 'string') {
    console.error(`${request}\n${usage}`);
    process.exitCode = 2;
    return;
  }
  const asked = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      console.error(`${name}: stopping at the next checkpoint; once more to end at once`);
      asked.abort();
    });
  }
  try {
    await run({ ...request, stop: asked.signal });
  } catch (error) {
    if (error instanceof StoppedError) {
      console.log(error.message);
      process.exitCode = exitStopped;
    } else if (error instanceof RunError || error instanceof RunInUseError) {
      console.error(error.message);
      process.exitCode = error instanceof RunError ? 2 : 1;
    } else throw error;
  }
}

/** The request, or what is wrong with it. */
function readRequest(args: readonly string[]): Omit<RunRequest, 'stop'> | string {
  const options = {
    seed: { type: 'string' },
    precision: { type: 'string' },
    kernels: { type: 'boolean', default: false },
    out: { type: 'string' },
    'on-gpu': { type: 'boolean', default: false },
  } as const;
  try {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    if (positionals.length !== 1)
      return `expected one folder, got ${positionals.length}: '${positionals.join(' ')}'`;
    const [folder] = positionals;
    if (!existsSync(join(folder, 'config.json'))) return `there is no config.json in '${folder}'`;
    return { folder, variant: readVariant(values), out: values.out, onGpu: values['on-gpu'] };
  } catch (error) {
    return (error as Error).message;
  }
}
