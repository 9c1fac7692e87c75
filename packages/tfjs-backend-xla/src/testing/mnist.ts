import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as tf from '@tensorflow/tfjs';

/** Images [N, 28, 28, 1] with grey levels from 0 to 1, and labels [N, 10], one-hot. */
export interface Digits {
  images: tf.Tensor4D;
  labels: tf.Tensor2D;
}

/** MNIST's own files, gzipped, in the folder `mnist` of `dataFolder`. */
export function loadMnist(dataFolder: string, split: 'train' | 't10k'): Digits {
  const pixels = readIdx(join(dataFolder, 'mnist', `${split}-images-idx3-ubyte.gz`), 3);
  const digits = readIdx(join(dataFolder, 'mnist', `${split}-labels-idx1-ubyte.gz`), 1);
  return tf.tidy(() => {
    const [count, height, width] = pixels.shape;
    const images = tf.tensor4d(Float32Array.from(pixels.data), [count, height, width, 1]).div(255);
    const labels = tf.oneHot(tf.tensor1d(Int32Array.from(digits.data), 'int32'), 10);
    return { images: images as tf.Tensor4D, labels: labels as tf.Tensor2D };
  });
}

/** An array of bytes in the IDX format: 0, 0, 8 (bytes), the rank; the shape in big-endian words; the bytes. */
function readIdx(path: string, rank: number): { shape: number[]; data: Uint8Array } {
  const file = gunzipSync(readFileSync(path));
  if (file.readUInt32BE(0) !== 0x800 + rank) throw new Error(`${path} holds no bytes of rank ${rank} as IDX`);
  const shape = Array.from({ length: rank }, (_, i) => file.readUInt32BE(4 + 4 * i));
  return { shape, data: file.subarray(4 + 4 * rank) };
}
