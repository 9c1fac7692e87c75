import * as tf from '@tensorflow/tfjs';
import { isTracing } from '../jit.js';
import { foldIn, type RandomKey, randomKey } from './random.js';

interface Source {
  readonly key: RandomKey;
  drawn: number;
}

const sources: Source[] = [];
let drawnOutside = 0;

/**
 * Runs `fn`, in which layers draw their keys from `key` with {@link nextRandomKey}, in the order of their calls.
 *
 * A layer of tfjs has no argument for a key; this hands it one without global state that outlives the call.
 */
export function withRandomKey<R>(key: RandomKey, fn: () => R): R {
  sources.push({ key, drawn: 0 });
  try {
    return fn();
  } finally {
    sources.pop();
  }
}

/**
 * The next key for a layer: `foldIn(key, 0)`, `foldIn(key, 1)`, … inside {@link withRandomKey}. Outside, a fresh key
 * from a process-wide count, so that plain `model.fit` has dropout too.
 *
 * @throws Error inside `jit` without `withRandomKey`: the key would be frozen into the program
 */
export function nextRandomKey(): RandomKey {
  const source = sources.at(-1);
  if (source !== undefined) return foldIn(source.key, source.drawn++);
  if (isTracing()) {
    throw new Error(
      'nextRandomKey: a layer needs random numbers inside jit, where a key from outside would be frozen into the ' +
        'program; wrap the forward pass in withRandomKey(key, () => …) with a key that is an argument or follows a step variable',
    );
  }
  return tf.tidy(() => foldIn(randomKey(0x70726d61), drawnOutside++));
}
