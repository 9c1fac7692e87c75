import { linearMap, type WeightMap } from '../../../attention/src/testing/golden.js';
import type { AttentionKind } from '../config.js';

/** Which attention each layer of a golden file's model has. */
export const kindsOf: Record<string, AttentionKind[]> = {
  uea_softmax: ['softmax', 'softmax'],
  uea_primalformer: ['primal', 'primal'],
  uea_primal_trans: ['softmax', 'primal'],
  lra_softmax: ['softmax', 'softmax'],
  lra_primalformer: ['primal', 'primal'],
  lra_primal_trans: ['softmax', 'primal'],
};

function normMap(golden: string, ours: string): WeightMap {
  return {
    [`${golden}.weight`]: { weight: `${ours}/gamma` },
    [`${golden}.bias`]: { weight: `${ours}/beta` },
  };
}

/** The UEA model's parameters under their official names. */
export function ueaWeights(kinds: readonly AttentionKind[]): WeightMap {
  const layers = kinds.map((kind, l): WeightMap => {
    const [theirs, ours] = [`encoder.attn_layers.${l}`, `layer${l}`];
    return {
      ...linearMap(`${theirs}.attention.query_projection`, `${ours}/attention/query`),
      ...linearMap(`${theirs}.attention.key_projection`, `${ours}/attention/key`),
      ...linearMap(`${theirs}.attention.out_projection`, `${ours}/attention/output`),
      ...(kind === 'softmax'
        ? linearMap(`${theirs}.attention.value_projection`, `${ours}/attention/value`)
        : {
            [`${theirs}.attention.We`]: { weight: `${ours}/attention/we` },
            [`${theirs}.attention.Wr`]: { weight: `${ours}/attention/wr` },
            [`${theirs}.attention.inner_attention.Lambda`]: { weight: `${ours}/attention/lambda` },
            ...linearMap(`${theirs}.attention.inner_attention.concate_weight`, `${ours}/attention/combine`),
          }),
      ...linearMap(`${theirs}.conv1`, `${ours}/feedforward/hidden`),
      ...linearMap(`${theirs}.conv2`, `${ours}/feedforward/output`),
      ...normMap(`${theirs}.norm1`, `${ours}/norm1`),
      ...normMap(`${theirs}.norm2`, `${ours}/norm2`),
    };
  });
  return Object.assign(
    {
      ...linearMap('project_inp', 'project'),
      'pos_enc.pe': { weight: 'positions/embeddings' },
      ...normMap('encoder.norm', 'norm'),
      ...linearMap('output_layer', 'classifier'),
    },
    ...layers,
  );
}

/** The LRA model's parameters under their official names. */
export function lraWeights(kinds: readonly AttentionKind[]): WeightMap {
  const layers = kinds.map((kind, l): WeightMap => {
    const [theirs, ours] = [`model.transformer_${l}`, `layer${l}`];
    return {
      ...linearMap(`${theirs}.mha.W_q`, `${ours}/attention/query`),
      ...linearMap(`${theirs}.mha.W_k`, `${ours}/attention/key`),
      ...linearMap(`${theirs}.mha.ff`, `${ours}/attention/output`),
      ...(kind === 'softmax'
        ? linearMap(`${theirs}.mha.W_v`, `${ours}/attention/value`)
        : {
            [`${theirs}.mha.We`]: { weight: `${ours}/attention/we` },
            [`${theirs}.mha.Wr`]: { weight: `${ours}/attention/wr` },
            [`${theirs}.mha.attn.Lambda`]: { weight: `${ours}/attention/lambda` },
            ...linearMap(`${theirs}.mha.attn.concate_weight`, `${ours}/attention/combine`),
          }),
      ...linearMap(`${theirs}.mlpblock.0`, `${ours}/feedforward/hidden`),
      ...linearMap(`${theirs}.mlpblock.3`, `${ours}/feedforward/output`),
      ...normMap(`${theirs}.norm1`, `${ours}/norm1`),
      ...normMap(`${theirs}.norm2`, `${ours}/norm2`),
    };
  });
  return Object.assign(
    {
      'model.embeddings.word_embeddings.weight': { weight: 'tokens/embeddings' },
      'model.embeddings.position_embeddings.weight': { weight: 'positions/embeddings' },
      ...normMap('model.norm', 'norm'),
      // The misspelling is theirs.
      ...linearMap('seq_classifer.mlpblock.0', 'classifier/hidden'),
      ...linearMap('seq_classifer.mlpblock.2', 'classifier/output'),
    },
    ...layers,
  );
}
