import type { Computed, GoldenCase } from '@primal-attention/golden';
import { landmarkPositions } from './landmarks.js';

/** `grid.safetensors`: n positions of N, exactly. */
export function checkGrid(golden: GoldenCase): Computed {
  const { N, n } = golden.config as { N: number; n: number };
  return { 'out.grid': { shape: [n], data: landmarkPositions(N, n) } };
}
