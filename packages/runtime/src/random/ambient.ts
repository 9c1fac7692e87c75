import * as tf from '@tensorflow/tfjs';
import { isTracing } from '../jit.js';
import { foldIn, type RandomKey, randomKey } from './random.js';

interface Source {
  readonly key: () => RandomKey;
  drawn: number;
}

let sources: Source[] = [];
let drawnOutside = 0;

/**
 * Runs `fn`, in which layers draw their keys from `key` with {@link nextRandomKey}, in the order of their calls.
 *
 * A layer of tfjs has no argument for a key; this hands it one without global state that outlives the call.
 */
export function withRandomKey<R>(key: RandomKey, fn: () => R): R {
  return withKeySource(() => key, fn);
}

/** {@link withRandomKey} with a key that is made only when one is drawn. */
export function withKeySource<R>(key: () => RandomKey, fn: () => R): R {
  return withSources([...sources, { key, drawn: 0 }], fn);
}

function withSources<R>(list: Source[], fn: () => R): R {
  const before = sources;
  sources = list;
  try {
    return fn();
  } finally {
    sources = before;
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
  if (source !== undefined) return foldIn(source.key(), source.drawn++);
  if (!hasRandomKey()) {
    throw new Error(
      'nextRandomKey: a layer needs random numbers inside jit, where a key from outside would be frozen into the ' +
        'program; wrap the forward pass in withRandomKey(key, () => …) with a key that is an argument or follows a step variable',
    );
  }
  return tf.tidy(() => foldIn(randomKey(0x70726d61), drawnOutside++));
}

/** True when {@link nextRandomKey} has a key to give. */
export function hasRandomKey(): boolean {
  return sources.length > 0 || !isTracing();
}

/** Notes where the stream of keys stands. The function that it returns runs another from there, and moves nothing on. */
export function rememberRandomKeys(): <R>(fn: () => R) => R {
  const source = sources.at(-1);
  const drawn = source?.drawn ?? drawnOutside;
  return (fn) => {
    const before = drawnOutside;
    if (source === undefined) drawnOutside = drawn;
    try {
      return withSources(source === undefined ? [] : [{ key: source.key, drawn }], fn);
    } finally {
      drawnOutside = before;
    }
  };
}
