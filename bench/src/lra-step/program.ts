import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { ksvdLoss, withLosses } from '@primal-attention/attention';
import { type KernelUse, provenance, watchKernels } from '@primal-attention/experiment';
import { lraClassifier, namedWeights } from '@primal-attention/models';
import type { Executable } from '@primal-attention/pjrt';
import {
  autocast,
  devicePeakBytes,
  foldIn,
  RandomStream,
  randomKey,
  tileKernelRefusal,
  useBackend,
  withMatmulPrecision,
  withRandomKey,
} from '@primal-attention/runtime';
import type { XlaBackend } from '@primal-attention/tfjs-backend-xla';
import { AdamW, createTrainStep } from '@primal-attention/training';
import * as tf from '@tensorflow/tfjs';
import { native, resetNativeTime } from '../native-time.js';
import { type Backend, type OwnSettings, textTask } from './settings.js';

type TextBatch = { readonly ids: tf.Tensor; readonly labels: tf.Tensor };

/**
 * One backend's part of the benchmark, in a process of its own. It speaks the peers' protocol (peers/lra_protocol.py): a line
 * when the first loss is there, one when it is warm, then one per line read.
 */
export async function serveBackend(name: Backend, settings: OwnSettings): Promise<void> {
  await start(name);
  const xla = tf.getBackend() === 'xla' ? (tf.backend() as unknown as XlaBackend) : undefined;
  const use = xla && watchKernels(xla);
  const origin = provenance();
  const { model, step } = trainingStep(settings);

  /** Steps up to a read of the last one's loss; the times are for all of them together. */
  const unit = async (count: number): Promise<{ ms: number; overheadMs: number; loss: number }> => {
    resetNativeTime();
    const begin = performance.now();
    let loss: tf.Tensor | undefined;
    for (let i = 0; i < count; i++) {
      loss?.dispose();
      loss = step();
      xla?.flush();
    }
    const overheadMs = performance.now() - begin - native.ms;
    const [value] = await loss!.data();
    const ms = performance.now() - begin;
    loss!.dispose();
    return { ms, overheadMs, loss: value };
  };

  const first = await unit(1);
  answer({
    loss: first.loss,
    firstStepMs: first.ms,
    compilation: compilation(xla),
    tuning: use && { launches: use.launchesTried, milliseconds: use.tuningMs },
  });
  for (let i = 0; i < settings.warmup; i++) await unit(1);
  answer({
    ...origin,
    versions: {
      ...{ tfjs: tf.version_core, node: process.version },
      ...(xla && { pjrt: xla.client.library.version.join('.'), platform: xla.client.platformVersion }),
    },
    parameters: model.countParams(),
    ...kernelState(settings, use),
    ...(xla?.client.platformName === 'cpu' && { threads: availableParallelism() }),
    ...(name === 'wasm' && { threads: 1 }),
    residentBytes: process.resourceUsage().maxRSS * 1024,
    ...memory(name),
  });
  const usage = process.cpuUsage();
  for await (const _ of createInterface({ input: process.stdin })) {
    const measured = [];
    for (let done = 0; done < settings.steps; done += settings.stepsPerRead) {
      measured.push(await unit(settings.stepsPerRead));
    }
    const { user, system } = process.cpuUsage(usage);
    answer({
      ms: measured.map(({ ms }) => ms / settings.stepsPerRead),
      // What the others compute, they compute in the call: JavaScript and kernels cannot be told apart.
      overheadMs: xla && measured.map(({ overheadMs }) => overheadMs / settings.stepsPerRead),
      loss: measured.at(-1)!.loss,
      cpuMs: (user + system) / 1000,
    });
  }
}

async function start(name: Backend): Promise<void> {
  if (name === 'wasm') {
    // Not among the imports above: where only xla is timed, the packages of the others need not be there.
    const { registerWasmKernels } = await import('./wasm-kernels.js');
    await registerWasmKernels();
    await useBackend('wasm');
    return;
  }
  if (name === 'tensorflow') {
    const { startEngine } = await import('@primal-attention/engines');
    await startEngine('tensorflow');
    return;
  }
  await import('@primal-attention/tfjs-backend-xla');
  await useBackend('xla');
  // Without this ability the backend is what it is outside jit: it records kernels and computes them when they are flushed.
  if (name === 'xla-lazy') Object.defineProperty(tf.backend(), 'jit', { value: undefined });
}

/** The model of the text task, and a step of its training on one random batch. */
function trainingStep(settings: OwnSettings): { model: tf.LayersModel; step: () => tf.Tensor } {
  const { mechanism, length, seed, precision } = settings;
  const kernels = settings.kernels === 'on';
  const { vocabulary, classes, dropout, learningRate, epsilon, primal } = textTask;
  const { rank, rankMultiplier, eta } = primal;
  const kind = mechanism === 'softmax' && kernels ? 'fused-softmax' : mechanism;
  const model = lraClassifier({
    attention: [kind, kind],
    ...(kind === 'fused-softmax' && { mechanismOptions: { [kind]: { kernel: 'tile' } } }),
    kernels,
    vocabulary,
    maxLength: length,
    classes,
    dropout,
    // Both forms, so that they drop the same: no form draws masks at a cost that it need not have.
    dropoutDraw: 'products',
    seed,
    ...(mechanism === 'primal' && { rank, rankMultiplier }),
  });
  const optimizer = new AdamW({ learningRate, epsilon, kernels });
  const key = randomKey(seed);
  const loss = ({ ids, labels }: TextBatch): { loss: tf.Tensor } => {
    const stepKey = foldIn(key, optimizer.step as tf.Tensor as tf.Scalar);
    const forward = () => withLosses(() => model.apply(ids, { training: true }) as tf.Tensor);
    const { output, losses } = withRandomKey(stepKey, () =>
      precision === 'bf16' ? autocast('bf16', forward) : forward(),
    );
    // Not a one-hot of type float32: wasm's holds the bits of integers.
    const chosen = tf.cast(tf.oneHot(labels as tf.Tensor1D, classes), 'float32');
    const crossEntropy = tf.mean(tf.neg(tf.sum(tf.mul(chosen, tf.logSoftmax(output)), -1)));
    if (losses.length === 0) return { loss: crossEntropy };
    return { loss: tf.add(crossEntropy, tf.mul(ksvdLoss(losses, { reduction: 'batch' }), eta)) };
  };
  const step = createTrainStep<TextBatch>({
    variables: namedWeights(model),
    optimizer,
    loss,
  });
  const batch = randomBatch(settings);
  // What autocast leaves in float32 has the device's fast products, as in the peers.
  const products = precision === 'float32' ? 'float32' : 'tf32';
  return { model, step: () => withMatmulPrecision(products, () => step(batch).loss) };
}

/** Bytes + 1 of documents between a quarter of the length and all of it, padded with 0, and labels. */
function randomBatch({ batch, length, seed }: OwnSettings): TextBatch {
  const stream = new RandomStream(seed, 'benchmark');
  const below = (limit: number): number => Math.floor(stream.uniform() * limit);
  const ids = new Int32Array(batch * length);
  for (let b = 0; b < batch; b++) {
    const shortest = length >> 2;
    const used = shortest + below(length - shortest + 1);
    for (let i = 0; i < used; i++) ids[b * length + i] = 1 + below(256);
  }
  const labels = Int32Array.from({ length: batch }, (_, i) => i % textTask.classes);
  return { ids: tf.tensor2d(ids, [batch, length], 'int32'), labels: tf.tensor1d(labels, 'int32') };
}

/** How many kernels the step has, and why the model has none where some were asked for. */
function kernelState(
  { kernels }: OwnSettings,
  use: KernelUse | undefined,
): { kernelCalls: number; kernelsRefused: string | null } {
  const calls = use?.calls ?? 0;
  // Wherever kernels run, one is the optimizer's.
  if (kernels === 'off' || calls > 1) return { kernelCalls: calls, kernelsRefused: null };
  return {
    kernelCalls: calls,
    kernelsRefused: tileKernelRefusal() ?? "the model's layers took plain formulations at this size",
  };
}

/** What the backend compiled, or found compiled, so far. */
function compilation(xla: XlaBackend | undefined): Record<string, number> | null {
  return xla === undefined ? null : { ...xla.executables.statistics };
}

/** Peak memory of a step, and who says so. */
function memory(name: Backend): {
  peakBytes: number | null;
  peakBytesSource: string | null;
  programBytes: number | null;
} {
  // Without jit a step is several programs, between which tensors live: none of them knows the peak.
  const programBytes = name === 'xla' ? largestOf(native.programs) : null;
  const peakOfDevice = devicePeakBytes();
  const [peakBytes, peakBytesSource] =
    peakOfDevice === undefined ? [programBytes, 'the compiled program'] : [peakOfDevice, 'the device'];
  return { peakBytes, peakBytesSource: peakBytes === null ? null : peakBytesSource, programBytes };
}

function largestOf(programs: Iterable<Executable>): number {
  return Math.max(...Array.from(programs, (program) => program.memoryStats().totalBytes));
}

function answer(fields: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(fields)}\n`);
}
