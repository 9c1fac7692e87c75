import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { StoppedError } from '@primal-attention/training';

/** How a run was asked for on the command line. */
export interface RunRequest {
  /** Where the run's files go. Default: `run` in its folder. */
  readonly out?: string;
  /** Runs also where a GPU is needed and there is none. */
  readonly onCpu: boolean;
  /** Aborted when the process is asked to end: for `stop` of `train`, which writes a checkpoint then and throws StoppedError. */
  readonly stop: AbortSignal;
}

/** Exit code of a run that was stopped and can go on: `EX_TEMPFAIL` of sysexits.h. */
export const exitStopped = 75;

const usage =
  'usage: node run-main.js FOLDER [--out DIR] [--on-cpu], where FOLDER has a config.json and DIR (default: FOLDER/run) takes the ' +
  "run's files; --on-cpu trains also what needs a GPU";

/**
 * The main program of an experiment's runs: `node run-main.js FOLDER [--out DIR] [--on-cpu]`.
 *
 * SIGTERM and SIGINT ask the run to stop; a second one ends the process at once, as it would without this. Exit codes: 0 when the
 * run is finished, or was left out with a line that says why; 75 when it was stopped after a checkpoint; 2 when the command line
 * is wrong; 1 when the run failed.
 */
export async function runMain(
  run: (folder: string, request: RunRequest) => Promise<unknown>,
  args: readonly string[] = process.argv.slice(2),
): Promise<void> {
  const asked = readArguments(args);
  if (typeof asked === 'string') {
    console.error(`${asked}\n${usage}`);
    process.exitCode = 2;
    return;
  }
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      console.error(`${name}: stopping, with a checkpoint; once more to end at once`);
      stop.abort();
    });
  }
  try {
    const { folder, ...request } = asked;
    await run(folder, { ...request, stop: stop.signal });
  } catch (error) {
    if (!(error instanceof StoppedError)) throw error;
    console.log(error.message);
    process.exitCode = exitStopped;
  }
}

/** What was asked for, or what is wrong with it. */
function readArguments(args: readonly string[]): ({ folder: string } & Omit<RunRequest, 'stop'>) | string {
  let parsed: { values: { out?: string; 'on-cpu'?: boolean }; positionals: string[] };
  try {
    const options = { out: { type: 'string' }, 'on-cpu': { type: 'boolean' } } as const;
    parsed = parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    return (error as Error).message;
  }
  const { values, positionals } = parsed;
  if (positionals.length !== 1)
    return `expected one folder, got ${positionals.length}: '${positionals.join(' ')}'`;
  const [folder] = positionals;
  if (!existsSync(join(folder, 'config.json'))) return `there is no config.json in '${folder}'`;
  return { folder, out: values.out, onCpu: values['on-cpu'] ?? false };
}
