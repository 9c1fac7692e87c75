import { type Provenance, provenance, watchKernels } from '@primal-attention/experiment';
import {
  devicePeakBytes,
  hasFusedAttention,
  onAccelerator,
  tileKernelRefusal,
  useBackend,
} from '@primal-attention/runtime';
import type { XlaBackend } from '@primal-attention/tfjs-backend-xla';
import * as tf from '@tensorflow/tfjs';
import type { Measurement, Protocol } from './measurement.js';
import { models } from './settings.js';
import { trainingStep } from './training-step.js';

/** What a process says of itself that only looks where it is. */
export interface Surroundings extends Provenance {
  readonly accelerated: boolean;
}

/** What a process says that compiled a step and ran it once. */
export interface FirstStep {
  readonly loss: number;
  /** Programs that were not on disk. */
  readonly compilations: number;
  readonly compileMs: number;
  /** From the start of the process. */
  readonly firstLossMs: number;
  /** Launches of kernels that were compiled and timed, since no choice was on disk, and how long that took. */
  readonly launchesTried: number;
  readonly tuningMs: number;
}

/** What one says that ran it often. */
export interface TimedSteps extends FirstStep {
  readonly msReads: number[];
  readonly devicePeakBytes: number | null;
  readonly programBytes: number;
  readonly flops: number;
  readonly transcendentals: number;
  readonly parameters: number;
  readonly kernel?: 'cudnn' | 'blockwise';
  readonly kernelCalls: number;
  readonly kernelsRefused?: string;
  readonly versions: Record<string, string>;
}

/** What the program does when it is started with this as its first argument: one part of a measurement, in a process of its own. */
export type Task = 'describe' | 'compile' | 'time';

/** Does its part, and gives what goes to the process that asked for it. */
export async function perform(
  task: Task,
  settings: Measurement & Protocol,
): Promise<Surroundings | FirstStep | TimedSteps> {
  await useBackend('xla');
  if (task === 'describe') return { ...provenance(), accelerated: onAccelerator() };
  const xla = tf.backend() as unknown as XlaBackend;
  const use = watchKernels(xla);
  const { parameters, cost, step } = trainingStep(settings);
  const { flops, transcendentals, memory } = cost();
  const run = async (count: number): Promise<number> => {
    let loss = step();
    for (let i = 1; i < count; i++) {
      loss.dispose();
      loss = step();
    }
    const [value] = await loss.data();
    loss.dispose();
    if (!Number.isFinite(value)) throw new Error(`the loss is ${value}`);
    return value;
  };
  const loss = await run(1);
  const firstLossMs = performance.now();
  const { compilations, milliseconds: compileMs } = xla.executables.statistics;
  const { calls, launchesTried, tuningMs } = use;
  const first: FirstStep = { loss, compilations, compileMs, firstLossMs, launchesTried, tuningMs };
  if (task === 'compile') return first;

  if (settings.warmup > 0) await run(settings.warmup);
  const msReads: number[] = [];
  for (let read = 0; read < settings.reads; read++) {
    const start = performance.now();
    await run(settings.stepsPerRead);
    msReads.push((performance.now() - start) / settings.stepsPerRead);
  }
  const { attention } = models[settings.model];
  return {
    ...{ ...first, msReads, parameters, flops, transcendentals },
    devicePeakBytes: devicePeakBytes() ?? null,
    programBytes: memory.total,
    ...((attention as readonly string[]).includes('fused-softmax') && { kernel: fusedKernel(settings) }),
    kernelCalls: calls,
    // Wherever kernels run, one is the optimizer's.
    ...(settings.kernels === 'on' &&
      calls <= 1 && {
        kernelsRefused: tileKernelRefusal() ?? "the model's layers took plain formulations at this size",
      }),
    versions: {
      tfjs: tf.version_core,
      pjrt: xla.client.library.version.join('.'),
      platform: xla.client.platformVersion,
    },
  };
}

/** cuDNN's where it is asked for and the device has it. */
function fusedKernel({ model }: Measurement): 'cudnn' | 'blockwise' {
  return model === 'Trans. (fused)' && hasFusedAttention() ? 'cudnn' : 'blockwise';
}
