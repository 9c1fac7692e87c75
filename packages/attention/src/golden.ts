import type { GoldenChecks } from '@primal-attention/golden';
import { checkKsvd } from './ksvd/golden.js';
import { checkPrimalCausal } from './mechanisms/causal-primal/golden.js';
import { checkCosformer } from './mechanisms/cosformer/golden.js';
import { checkCosine } from './mechanisms/cosine/golden.js';
import { checkFlowformer } from './mechanisms/flowformer/golden.js';
import { checkLinear } from './mechanisms/linear/golden.js';
import { checkLinformer } from './mechanisms/linformer/golden.js';
import { checkLongformer } from './mechanisms/longformer/golden.js';
import { checkNystromformer } from './mechanisms/nystromformer/golden.js';
import { checkPerformer } from './mechanisms/performer/golden.js';
import { checkPrimalLra, checkPrimalUea } from './mechanisms/primal/golden.js';
import { checkPrimalCv } from './mechanisms/primal/golden-cv.js';
import { checkGrid } from './mechanisms/primal/golden-grid.js';
import { checkReformer } from './mechanisms/reformer/golden.js';
import { checkSoft } from './mechanisms/soft/golden.js';
import { checkSoftmax } from './mechanisms/softmax/golden.js';
import { checkYoso } from './mechanisms/yoso/golden.js';

/** The golden files of attention mechanisms; the models and training packages have the others. */
export const goldenChecks: GoldenChecks = {
  cosformer: checkCosformer,
  cosine: checkCosine,
  flowformer: checkFlowformer,
  grid: checkGrid,
  ksvd: checkKsvd,
  linear: checkLinear,
  linformer: checkLinformer,
  longformer: checkLongformer,
  nystromformer: checkNystromformer,
  performer: checkPerformer,
  primal_causal: checkPrimalCausal,
  primal_cv: checkPrimalCv,
  primal_lra: checkPrimalLra,
  primal_uea: checkPrimalUea,
  reformer: checkReformer,
  soft: checkSoft,
  softmax: (golden) => checkSoftmax(golden),
  yoso_e: checkYoso,
};
