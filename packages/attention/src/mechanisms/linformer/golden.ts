import type { Computed, GoldenCase } from '@primal-attention/golden';
import type * as tf from '@tensorflow/tfjs';
import { checkQkvFunction } from '../../golden-qkv.js';
import { linformerAttention } from './linformer.js';

/** `linformer.safetensors`: q, k, v and E to the output, with or without a mask. */
export function checkLinformer(golden: GoldenCase): Computed {
  return checkQkvFunction(golden, (q, k, v, mask, { E }) =>
    linformerAttention(q, k, v, E as tf.Tensor3D, { mask }),
  );
}
