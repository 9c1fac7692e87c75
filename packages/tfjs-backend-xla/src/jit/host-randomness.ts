import { engine } from '@tensorflow/tfjs-core';
import type { XlaBackend } from '../backend.js';
import type { Trace } from './trace.js';

/** tfjs operations that draw on the host, with what to use instead (all of @primal-attention/runtime). */
const replacements: Record<string, string> = {
  dropout: 'dropout(x, rate, key)',
  rand: 'randomUniform(key, shape)',
  randomUniform: 'randomUniform(key, shape)',
  randomUniformInt: 'randomBits(key, shape)',
  randomNormal: 'randomNormal(key, shape)',
  randomStandardNormal: 'randomNormal(key, shape)',
  truncatedNormal: 'randomNormal(key, shape)',
  randomGamma: 'randomUniform(key, shape) and the inverse distribution',
  multinomial: 'randomUniform(key, shape) and the cumulative distribution',
};

const drawing = new Set(Object.keys(replacements).filter((name) => name !== 'dropout'));
const suffix = '__op';

/**
 * Recognises, until it is undone, numbers that tfjs draws on the host: they would be constants of the compiled program,
 * the same at each call. tfjs opens a scope named after each operation, which tells them.
 *
 * Such numbers may only be the initial values of variables, which a layer draws when it is built. So an array that is
 * drawn is marked in the trace, which refuses a program that needs it. Drawing that reads tensors, and drawing inside
 * the body of a loop, is refused at once.
 *
 * @returns how to undo it
 */
export function watchHostRandomness(backend: XlaBackend, trace: Trace): () => void {
  const target = engine();
  const start = target.startScope;
  const open: string[] = [];
  const end = target.endScope;
  target.startScope = function (this: typeof target, name?: string) {
    const operation = name?.endsWith(suffix) ? name.slice(0, -suffix.length) : '';
    if (drawing.has(operation) && trace.drawing === undefined) {
      const error = refusal(open.includes('dropout') ? 'dropout' : operation);
      if (operation === 'multinomial' || backend.trace !== trace) throw error;
      trace.drawing = error;
    }
    open.push(operation);
    return start.call(this, name);
  };
  target.endScope = function (this: typeof target, result) {
    open.pop();
    if (trace.drawing !== undefined && !open.some((operation) => drawing.has(operation))) {
      trace.drawing = undefined;
    }
    return end.call(this, result);
  };
  return () => {
    delete (target as { startScope?: unknown }).startScope;
    delete (target as { endScope?: unknown }).endScope;
  };
}

function refusal(operation: string): Error {
  return new Error(
    `jit: tf.${operation} draws random numbers on the host, so the compiled function would repeat the same ones at each ` +
      `call. Use ${replacements[operation]} of @primal-attention/runtime.`,
  );
}
