import type { GoldenChecks } from '@primal-attention/golden';
import { checkLongformer } from './mechanisms/longformer/golden.js';
import { checkPrimalLra, checkPrimalUea } from './mechanisms/primal/golden.js';
import { checkGrid } from './mechanisms/primal/golden-grid.js';
import { checkReformer } from './mechanisms/reformer/golden.js';
import { checkSoftmax } from './mechanisms/softmax/golden.js';
import { checkYoso } from './mechanisms/yoso/golden.js';

/** The golden files of attention mechanisms; the models and training packages have the others. */
export const goldenChecks: GoldenChecks = {
  grid: checkGrid,
  longformer: checkLongformer,
  primal_lra: checkPrimalLra,
  primal_uea: checkPrimalUea,
  reformer: checkReformer,
  softmax: (golden) => checkSoftmax(golden),
  yoso_e: checkYoso,
};
