import { engine } from '@tensorflow/tfjs-core';

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
 * Makes operations that draw on the host throw until it is undone: their numbers would be constants of the compiled
 * program, the same at each call. tfjs opens a scope named after each operation, which is where they are recognised.
 *
 * @returns how to undo it
 */
export function refuseHostRandomness(): () => void {
  const target = engine();
  const start = target.startScope;
  const open: string[] = [];
  const end = target.endScope;
  target.startScope = function (this: typeof target, name?: string) {
    const operation = name?.endsWith(suffix) ? name.slice(0, -suffix.length) : '';
    if (drawing.has(operation)) {
      const caller = open.includes('dropout') ? 'dropout' : operation;
      throw new Error(
        `jit: tf.${caller} draws random numbers on the host, so the compiled function would repeat the same ones at each ` +
          `call. Use ${replacements[caller]} of @primal-attention/runtime.`,
      );
    }
    open.push(operation);
    return start.call(this, name);
  };
  target.endScope = function (this: typeof target, result) {
    open.pop();
    return end.call(this, result);
  };
  return () => {
    delete (target as { startScope?: unknown }).startScope;
    delete (target as { endScope?: unknown }).endScope;
  };
}
