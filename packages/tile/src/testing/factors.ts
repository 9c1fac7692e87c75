import * as runtime from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';

/** A key, and what the runtime's dropout with it multiplies an array of a shape with. */
export function dropoutFactors(
  shape: number[],
  rate: number,
  seed: number,
  draw: runtime.DropoutDraw = 'elements',
): { key: number[]; factors: number[] } {
  const [key, factors] = tf.tidy(() => {
    const key = runtime.randomKey(seed);
    return [key.dataSync(), runtime.dropout(tf.ones(shape), rate, key, { draw }).dataSync()];
  });
  return { key: [...key], factors: [...factors] };
}

/** Words of the runtime's matrix dropout, and what it multiplies an array of a shape with. */
export function matrixDropoutFactors(
  shape: number[],
  rate: number,
  seed: number,
): { words: { rows: number[]; columns: number[] }; factors: number[] } {
  const [rows, columns, factors] = tf.tidy(() => {
    const key = runtime.randomKey(seed);
    const words = runtime.matrixWords(key, shape);
    return [words.rows, words.columns, runtime.matrixDropout(tf.ones(shape), rate, words)].map((x) => [
      ...x.dataSync(),
    ]);
  });
  return { words: { rows, columns }, factors };
}
