import type { GoldenChecks } from '@primal-attention/golden';
import { checkLra, checkUea } from './golden/classifiers.js';
import { checkDecisionTransformer, checkDecisionTransformerBlock } from './golden/decision-transformer.js';

/** The golden files of whole models; the attention and training packages have the others. */
export const goldenChecks: GoldenChecks = {
  decision_transformer: checkDecisionTransformer,
  dt_block: checkDecisionTransformerBlock,
  lra_primal_trans: checkLra,
  lra_primalformer: checkLra,
  lra_softmax: checkLra,
  uea_primal_trans: checkUea,
  uea_primalformer: checkUea,
  uea_softmax: checkUea,
};
