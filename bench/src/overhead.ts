import { provenance } from '@primal-attention/experiment';
import { Executable } from '@primal-attention/pjrt';
import { jit, useBackend } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { native, resetNativeTime } from './native-time.js';
import { median } from './statistics.js';

const argumentCount = 450;
const donatedCount = 300;
const calls = 300;
const warmup = 100;

/**
 * What a call of a compiled program costs besides the plugin's execute, at 450 arguments of which 300 are donated: small
 * arrays, so that nothing else takes time. Half of the arguments that are not donated are variables, half are tensors.
 */
export async function callOverhead(): Promise<Record<string, unknown>> {
  await import('@primal-attention/tfjs-backend-xla');
  await useBackend('xla');
  const origin = provenance();
  const make = (count: number): tf.Tensor[] =>
    Array.from({ length: count }, (_, i) => tf.fill([8], i / argumentCount));
  const updated = make(donatedCount).map((value) => tf.variable(value));
  const read = make((argumentCount - donatedCount) / 2).map((value) => tf.variable(value));
  const tensors = make(argumentCount - donatedCount - read.length);
  const step = jit((given: tf.Tensor[]) =>
    tf.tidy(() => {
      const others = [...read, ...given];
      for (const [i, variable] of updated.entries()) {
        variable.assign(tf.add(variable, others[i % others.length]));
      }
      return tf.sum(updated[0]);
    }),
  );
  const counts = argumentCounts();
  const times: number[] = [];
  for (let i = 0; i < warmup + calls; i++) {
    resetNativeTime();
    const start = performance.now();
    const result = step(tensors);
    times.push(performance.now() - start - native.ms);
    // Waits, so that execute never blocks on a full queue.
    await result.data();
    result.dispose();
  }
  if (counts.at(-1) !== argumentCount)
    throw new Error(`overhead: the program has ${counts.at(-1)} arguments, not ${argumentCount}`);
  return {
    benchmark: 'overhead',
    arguments: argumentCount,
    donated: donatedCount,
    overheadMs: median(times.slice(warmup)),
    overheadMsMin: Math.min(...times.slice(warmup)),
    calls,
    warmup,
    ...origin,
  };
}

/** The numbers of arguments of the programs that are called from now on, in order, without repetitions. */
function argumentCounts(): number[] {
  const counts: number[] = [];
  const { argumentList } = Executable.prototype;
  Executable.prototype.argumentList = function (this: Executable, count: number) {
    if (counts.at(-1) !== count) counts.push(count);
    return argumentList.call(this, count);
  };
  return counts;
}
