// One training step of the UEA classifier on JapaneseVowels' shapes: ours beside PyTorch eager, in turn.
import '@primal-attention/tfjs-backend-xla';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { provenance, writeWhole } from '@primal-attention/experiment';
import {
  buildModel,
  experimentFolder,
  readConfig,
  trainingLoss,
  type UeaBatch,
} from '@primal-attention/experiment-uea';
import { namedWeights } from '@primal-attention/models';
import { foldIn, RandomStream, randomKey, useBackend } from '@primal-attention/runtime';
import { createTrainStep, RAdam } from '@primal-attention/training';
import * as tf from '@tensorflow/tfjs';
import { isQuiet, MachineUse, reportBusy } from './machine-use.js';
import { native, resetNativeTime } from './native-time.js';
import { hasModule, Peer } from './peer.js';
import { median } from './statistics.js';

const models = ['primal', 'trans', 'primal-trans'];
/** JapaneseVowels. */
const data = { length: 26, dimensions: 12, classes: Array.from({ length: 9 }, (_, i) => String(i + 1)) };
const warmup = 10;
// What XLA's CPU plugin takes for itself; the peer gets as many.
const threads = availableParallelism();

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'primal' },
    batch: { type: 'string', default: '16' },
    steps: { type: 'string', default: '40' },
    rounds: { type: 'string', default: '5' },
    'peer-python': { type: 'string' },
    save: { type: 'boolean', default: false },
  },
});
const [batch, steps, rounds] = [options.batch, options.steps, options.rounds].map(Number);
if (!models.includes(options.model) || ![batch, steps, rounds].every((n) => Number.isInteger(n) && n > 0)) {
  console.error(
    `usage: uea-step.js [--model ${models.join('|')}] [--batch N] [--steps N] [--rounds N] [--peer-python PATH] [--save]`,
  );
  process.exit(2);
}

// Before anything is timed: a Python that was named and has no PyTorch is a mistake, not a reason to time ours alone.
const python = options['peer-python'] ?? 'python3';
const withPeer = hasModule(python, 'torch');
if (!withPeer && options['peer-python'] !== undefined) {
  console.error(
    `--peer-python: '${python}' cannot import torch; install PyTorch there or name another Python`,
  );
  process.exit(2);
}

const backend = await useBackend();
// Before timing: what counts is the code that was loaded.
const origin = provenance();
// The settings are those of the experiment's run.
const config = readConfig(join(experimentFolder, `japanese-vowels-${options.model}`, 'config.json'));
const { seed, clipNorm, learningRate } = config;
const model = buildModel(config, data);
const parameters = model.countParams();
const stream = new RandomStream(seed, 'benchmark');
const inputs = {
  x: tf.tensor(
    Float32Array.from({ length: batch * data.length * data.dimensions }, () => stream.normal()),
    [batch, data.length, data.dimensions],
  ),
  mask: tf.ones([batch, data.length]),
  y: tf.tensor1d(
    Int32Array.from({ length: batch }, (_, i) => i % data.classes.length),
    'int32',
  ),
};
const step = createTrainStep({
  variables: namedWeights(model),
  optimizer: new RAdam({ learningRate }),
  clipNorm,
  loss: (inputs: UeaBatch) => ({ loss: trainingLoss(model, config.primal?.eta ?? 0, inputs).loss }),
});
const key = randomKey(seed);

/** One step and a read of its loss. Making the step's key is not part of it: a training loop keeps it in the program. */
async function timedStep(index: number): Promise<{ ms: number; overhead: number }> {
  const stepKey = foldIn(key, index);
  await stepKey.data();
  resetNativeTime();
  const start = performance.now();
  const { loss } = step(inputs, stepKey);
  const overhead = performance.now() - start - native.ms;
  await loss.data();
  const ms = performance.now() - start;
  tf.dispose([loss, stepKey]);
  return { ms, overhead };
}

let index = 0;
const { ms: compileMs } = await timedStep(index++);
for (let i = 1; i < warmup; i++) await timedStep(index++);

const script = join(dirname(dirname(fileURLToPath(import.meta.url))), 'peers', 'uea_step.py');
const peerOptions = { model: options.model, batch, steps, warmup, threads };
const peerArguments = Object.entries(peerOptions).flatMap(([name, value]) => [`--${name}`, String(value)]);
const peer = withPeer ? new Peer(python, [script, ...peerArguments]) : undefined;
if (peer === undefined) console.error('no Python with PyTorch found (--peer-python PATH); timing ours alone');
const peerInfo = await peer?.answer();
if (peerInfo !== undefined && peerInfo.parameters !== parameters) {
  throw new Error(`the peer has ${peerInfo.parameters} parameters, ours ${parameters}: not the same model`);
}

const ours: { ms: number; overhead: number }[][] = [];
const theirs: number[][] = [];
const use = new MachineUse();
let peerCpuMs = 0;
for (let round = 0; round < rounds; round++) {
  const measured = [];
  for (let i = 0; i < steps; i++) measured.push(await timedStep(index++));
  ours.push(measured);
  if (peer !== undefined) {
    const { ms, cpuMs } = await peer.round();
    theirs.push(ms);
    peerCpuMs = cpuMs;
  }
}
const others = use.shareOfOthers(peerCpuMs);
await peer?.end();

const common = { model: options.model, parameters, batch, steps, rounds, seed, threads, others, ...origin };
const flat = ours.flat();
const overheadByRound = ours.map((round) => median(round.map(({ overhead }) => overhead)));
const lines: Record<string, unknown>[] = [
  {
    ...{ implementation: 'primal-attention', ...common },
    msPerStep: median(flat.map(({ ms }) => ms)),
    msPerStepMin: Math.min(...flat.map(({ ms }) => ms)),
    overheadMs: median(flat.map(({ overhead }) => overhead)),
    overheadByRound,
    compileMs,
    tfjs: tf.version_core,
  },
];
const ratios = theirs.map((times, i) => median(ours[i].map(({ ms }) => ms)) / median(times));
if (peer !== undefined) {
  lines.push({
    ...{ implementation: 'PyTorch eager', ...common, backend: 'torch', device: 'cpu' },
    torch: peerInfo!.torch,
    threads: peerInfo!.threads,
    msPerStep: median(theirs.flat()),
    msPerStepMin: Math.min(...theirs.flat()),
    ratios,
  });
}
const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
process.stdout.write(text);
if (options.save && isQuiet(others)) {
  const path = join(
    dirname(dirname(fileURLToPath(import.meta.url))),
    'results',
    `uea-step-${options.model}.jsonl`,
  );
  writeWhole(path, text);
}
console.log(`\nOne training step, ${options.model}, batch ${batch}, backend ${backend}; ${origin.machine}`);
for (const line of lines) {
  console.log(
    `  ${String(line.implementation).padEnd(18)}${(line.msPerStep as number).toFixed(1).padStart(8)} ms (median)`,
  );
}
console.log(
  `  JavaScript outside execute: ${(lines[0].overheadMs as number).toFixed(3)} ms; by round: ${overheadByRound.map((ms) => ms.toFixed(3)).join(', ')}`,
);
if (ratios.length > 0) {
  console.log(
    `  ours / PyTorch, by round: ${ratios.map((ratio) => ratio.toFixed(2)).join(', ')}; median ${median(ratios).toFixed(2)}`,
  );
}
if (!isQuiet(others)) reportBusy(others, options.save);
