// Times the training step of each Long Range Arena model, one process after the other, into a file with a line for each.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cardOf } from '@primal-attention/experiment';
import { askChild, ChildFailure } from './child.js';
import { type FirstStep, perform, type Surroundings, type Task, type TimedSteps } from './measure.js';
import {
  describeMeasurement,
  hasOutcome,
  type Line,
  type Measurement,
  type Origin,
  type Outcome,
  type Protocol,
} from './measurement.js';
import { type Options, parseOptions, programFolder, UsageError, usage } from './options.js';
import { missingModule, timePeer } from './peers.js';
import { plan } from './plan.js';
import { Results } from './results.js';
import { crossoverSentences, curvesOf } from './scaling.js';
import { median } from './statistics.js';
import '@primal-attention/tfjs-backend-xla';

/** This program again, for one part of a measurement. */
const asTask = '--perform';

async function main(options: Options): Promise<void> {
  const end = performance.now() + options.seconds * 1000;
  for (const peer of options.wishes.peers) {
    const module = missingModule(peer, options.peers);
    if (module === undefined) continue;
    throw new UsageError(
      `--peers: '${options.peers.python[module as 'torch']}' cannot import ${module}; install it there or name another Python with --peer-python`,
    );
  }
  const measurements = plan(options.wishes);
  if (measurements.length === 0) throw new UsageError('--tasks, --scaling: there is nothing to measure');

  // In a process of its own: the memory of the device belongs to what is measured.
  const surroundings = await ours<Surroundings>('describe', undefined, {}, 120);
  const { commit, modified, machine, node, device, accelerated } = surroundings;
  const origin: Origin = { commit, modified, machine, node, device };
  const protocol = protocolOf(options, accelerated);
  const results = new Results(
    options.output ?? defaultOutput(device),
    { ...origin, ...protocol },
    options.retry,
  );

  const missing = results.missing(measurements);
  console.log(
    `${measurements.length} measurements on ${device}, of which ${measurements.length - missing.length} are there`,
  );
  let done = 0;
  for (const measurement of missing) {
    const left = (end - performance.now()) / 1000;
    const start = performance.now();
    const limit = Math.min(options.secondsEach, left);
    const outcome = limit > 0 ? await attempt(measurement, protocol, options, accelerated, limit) : undefined;
    // What the budget ended says nothing about the model.
    if (outcome === undefined || (outcome.late && limit < options.secondsEach)) {
      console.log(`The ${options.seconds} s are over; ${missing.length - done} are left for another call.`);
      break;
    }
    const { late: _, ...numbers } = outcome;
    const line = {
      ...measurement,
      ...numbers,
      ...protocol,
      ...origin,
      date: new Date().toISOString(),
    } as Line;
    results.add(line);
    done++;
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    console.log(
      `[${done}/${missing.length}, ${seconds} s] ${describeMeasurement(measurement)}: ${summary(line)}`,
    );
  }
  for (const sentence of crossoverSentences(curvesOf(results.lines))) console.log(sentence);
}

function protocolOf({ schedule, seed, timing }: Options, accelerated: boolean): Protocol {
  const stepsPerRead = timing.stepsPerRead ?? (accelerated ? 20 : 1);
  const warmup = timing.warmup ?? (accelerated ? stepsPerRead : 2);
  return { schedule, seed, warmup, reads: timing.reads ?? 10, stepsPerRead };
}

/** `NVIDIA H100 80GB HBM3, PJRT 0.115, …` is `efficiency-nvidia-h100-80gb-hbm3.jsonl`. */
function defaultOutput(device: string): string {
  const name = cardOf(device)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-');
  return join(programFolder(), 'results', `efficiency-${name}.jsonl`);
}

/** A measurement's numbers, or why there are none: what goes wrong with one model takes no other with it. */
async function attempt(
  measurement: Measurement,
  protocol: Protocol,
  { peers, secondsEach }: Options,
  accelerated: boolean,
  seconds: number,
): Promise<(Outcome | { failure: string }) & { late?: boolean }> {
  const settings = { ...measurement, ...protocol };
  try {
    if (measurement.program === 'ours') return await timeOurs(settings, seconds);
    return await timePeer(settings, peers, { cuda: accelerated, seconds });
  } catch (error) {
    if (!(error instanceof ChildFailure)) throw error;
    if (error.late) return { failure: `took more than ${secondsEach} s`, late: true };
    return { failure: error.message };
  }
}

/**
 * Two processes: one that compiles the step, and one that finds it compiled and is timed, so that what the compiler needed
 * (on a GPU it tries kernels out) is not in the device's peak.
 */
async function timeOurs(settings: Measurement & Protocol, seconds: number): Promise<Outcome> {
  const start = performance.now();
  const cache = mkdtempSync(join(tmpdir(), 'primal-efficiency-'));
  try {
    const env = { PRIMAL_CACHE: cache };
    const cold = await ours<FirstStep>('compile', settings, env, seconds);
    const left = seconds - (performance.now() - start) / 1000;
    const warm = await ours<TimedSteps>('time', settings, env, left);
    const { msReads, compilations, launchesTried, firstLossMs, devicePeakBytes, ...numbers } = warm;
    const cached = compilations === 0 && launchesTried === 0;
    const { compileMs, tuningMs } = cold;
    return {
      ...{ msPerStep: median(msReads), msReads, ...numbers, compileMs, tuningMs },
      devicePeakBytes: cached ? devicePeakBytes : null,
      firstLossMs: { cold: cold.firstLossMs, disk: cached ? firstLossMs : null },
    };
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

async function ours<Answer>(
  task: Task,
  settings: (Measurement & Protocol) | undefined,
  env: NodeJS.ProcessEnv,
  seconds: number,
): Promise<Answer> {
  const [answer] = await askChild({
    command: process.execPath,
    args: [...process.execArgv, process.argv[1], asTask, task, JSON.stringify(settings ?? {})],
    ...{ env, answers: 1, seconds },
  });
  return answer.value as Answer;
}

function summary(line: Line): string {
  if (!hasOutcome(line)) return line.failure;
  const { msPerStep, devicePeakBytes, programBytes, peakBytesSource } = line;
  const bytes = devicePeakBytes ?? programBytes;
  const source = peakBytesSource ?? (devicePeakBytes === null ? 'planned' : 'peak');
  const memory = bytes === null ? '' : `, ${(bytes / 2 ** 30).toFixed(2)} GiB (${source})`;
  const refused = line.kernelsRefused === undefined ? '' : `; no kernels ran: ${line.kernelsRefused}`;
  return `${msPerStep.toFixed(2)} ms${memory}${refused}`;
}

const args = process.argv.slice(2);
if (args[0] === asTask) {
  // Whoever asked keeps this open for as long as the answer is wanted.
  process.stdin.resume().on('end', () => process.exit());
  try {
    const answer = await perform(args[1] as Task, JSON.parse(args[2]) as Measurement & Protocol);
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ failure: (error as Error).message })}\n`);
  }
} else {
  try {
    await main(parseOptions(args));
  } catch (error) {
    if (error instanceof UsageError) console.error(`${error.message}\n\n${usage}`);
    else if (error instanceof ChildFailure) console.error(error.message);
    else throw error;
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
