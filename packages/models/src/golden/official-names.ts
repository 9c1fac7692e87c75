import { type GoldenCase, linearMap, normMap, type WeightMap } from '@primal-attention/golden';
import type { AttentionKind } from '../config.js';

/** What the layers of the official models are. */
export type OfficialKind = 'softmax' | 'primal';

/**
 * The attention of each layer of a case, by the parameters that it has.
 *
 * @param layer the official name of layer l
 * @param weight the name in a Primal layer of W_e
 */
export function kindsOf(golden: GoldenCase, layer: (l: number) => string, weight: string): OfficialKind[] {
  const parameters = [...golden.values.keys()].filter((name) => name.startsWith('param.'));
  const kinds: OfficialKind[] = [];
  for (;;) {
    const prefix = `param.${layer(kinds.length)}.`;
    if (!parameters.some((name) => name.startsWith(prefix))) return kinds;
    kinds.push(parameters.includes(`${prefix}${weight}`) ? 'primal' : 'softmax');
  }
}

/** Layer l of the UEA code. */
export const ueaLayer = (l: number): string => `encoder.attn_layers.${l}`;

/** The UEA model's parameters under their official names. */
export function ueaWeights(kinds: readonly AttentionKind[]): WeightMap {
  const layers = kinds.map((kind, l): WeightMap => {
    const [theirs, ours] = [ueaLayer(l), `layer${l}`];
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

/** Layer l of the LRA code. */
export const lraLayer = (l: number): string => `model.transformer_${l}`;

/** The LRA model's parameters under their official names. */
export function lraWeights(kinds: readonly AttentionKind[]): WeightMap {
  const layers = kinds.map((kind, l): WeightMap => {
    const [theirs, ours] = [lraLayer(l), `layer${l}`];
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
