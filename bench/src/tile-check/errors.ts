import type * as tf from '@tensorflow/tfjs';

/** Arrays by name. */
export type Arrays = Readonly<Record<string, Float32Array>>;

/** The numbers of several steps, one after the other. */
export function read(steps: readonly Readonly<Record<string, tf.Tensor>>[]): Arrays {
  const names = Object.keys(steps[0]!);
  return Object.fromEntries(
    names.map((name) => {
      const all = new Float32Array(steps.length * steps[0]![name]!.size);
      for (const [i, step] of steps.entries())
        all.set(step[name]!.dataSync() as Float32Array, i * step[name]!.size);
      return [name, all];
    }),
  );
}

/** Less than what float32 itself is good for: errors below count as this. */
const exact = 1e-5;

/** ||a - b|| / ||b||, of what is not nothing but rounding. */
export function errorOf(a: Float32Array, b: Float32Array): number {
  let [difference, size] = [0, 0];
  for (const [i, value] of b.entries()) {
    difference += (a[i]! - value) ** 2;
    size += value ** 2;
  }
  return Math.sqrt(difference) / Math.max(Math.sqrt(size), 1e-4);
}

/**
 * Where what kernels computed is further from float32 than what plain formulations did, by the largest factor.
 *
 * @param isSoftmax the bias of the keys takes part in no softmax, since it moves all scores of a query alike. Its gradient is
 *   roundings of nothing, and means something beside that of the queries' bias alone: the two are compared as one array.
 */
export function worstError(
  given: Arrays,
  plain: Arrays,
  reference: Arrays,
  isSoftmax: boolean,
): { name: string; ratio: number; ofKernels: number; ofPlain: number } {
  let worst = { name: '', ratio: 0, ofKernels: 0, ofPlain: 0 };
  for (const name of Object.keys(reference)) {
    if (isSoftmax && name.endsWith('key/bias')) continue;
    const [a, b, c] = [given, plain, reference].map((arrays) => {
      if (!isSoftmax || !name.endsWith('query/bias')) return arrays[name]!;
      return Float32Array.of(...arrays[name]!, ...arrays[name.replace(/query\/bias$/, 'key/bias')]!);
    }) as [Float32Array, Float32Array, Float32Array];
    const [ofKernels, ofPlain] = [errorOf(a, c), errorOf(b, c)];
    const ratio = Math.max(ofKernels, exact) / Math.max(ofPlain, exact);
    if (!(ratio <= worst.ratio)) worst = { name, ratio, ofKernels, ofPlain };
  }
  return worst;
}
