import type { GoldenChecks } from '@primal-attention/golden';
import { checkOptim } from './optimizers/golden.js';

/** The golden files of optimizers and schedules; the attention and models packages have the others. */
export const goldenChecks: GoldenChecks = { optim: checkOptim };
