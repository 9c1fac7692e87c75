import { registerSideChannel, type SideOutput } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import type { PrimalLayer } from './base.js';

/** The objective of one call of one Primal layer. */
export interface KsvdRecord {
  layer: string;
  /** J per sample, [B]. */
  objective: tf.Tensor1D;
}

/**
 * How the samples of a batch enter the loss.
 *
 * - `sample`: mean_b J_b^2, as the paper's UEA, D4RL and language experiments do
 * - `batch`: (mean_b J_b)^2, as its LRA and ImageNet experiments do
 */
export type KsvdReduction = 'sample' | 'batch';

/** Who gathers objectives, the innermost last. */
interface Collector {
  /** False when it only stands in for a collector that is not there. */
  readonly listens: boolean;
  receive(record: KsvdRecord): void;
}

const collectors: Collector[] = [];

/** Holds reports back while a function runs apart from a gradient's tape. */
const heldBack: SideOutput[][] = [];

registerSideChannel({
  open: () => {
    const outer = collectors.at(-1);
    return (fn) => {
      const reports: SideOutput[] = [];
      heldBack.push(reports);
      collectors.push({
        listens: outer !== undefined,
        receive: ({ layer, objective }) =>
          reports.push({
            tensor: tf.keep(tf.clone(objective)),
            deliver: (tensor) => outer!.receive({ layer, objective: tensor as tf.Tensor1D }),
          }),
      });
      try {
        const result = fn();
        return {
          result,
          reports: reports.map(({ tensor, deliver }) => ({ tensor: tf.clone(tensor), deliver })),
        };
      } finally {
        collectors.pop();
        heldBack.pop();
        for (const { tensor } of reports) tensor.dispose();
      }
    };
  },
});

/**
 * Runs a forward pass and collects the KSVD objective of each Primal layer that it calls, in the order of the calls.
 *
 * ```ts
 * const { output, losses } = withLosses(() => model.apply(x, { training: true }) as tf.Tensor);
 * const loss = tf.add(crossEntropy(labels, output), tf.mul(eta, ksvdLoss(losses, { reduction: 'sample' })));
 * ```
 *
 * Objectives are computed only inside this function. Gradients flow through them, and the caller owns them. Of nested
 * calls, the innermost collects.
 */
export function withLosses<R>(fn: () => R): { output: R; losses: KsvdRecord[] } {
  const collected: KsvdRecord[] = [];
  collectors.push({
    listens: true,
    // Kept through the scopes of the layers and models around the call.
    receive: ({ layer, objective }) => collected.push({ layer, objective: tf.keep(tf.clone(objective)) }),
  });
  try {
    const output = fn();
    if (typeof (output as { then?: unknown } | undefined)?.then === 'function') {
      throw new Error('withLosses: the function returned a promise; the forward pass must be synchronous');
    }
    // Clones belong to the caller's scope; what was kept through the layers' own scopes goes.
    const losses = collected.map(({ layer, objective }) => ({ layer, objective: tf.clone(objective) }));
    return { output, losses };
  } finally {
    collectors.pop();
    for (const { objective } of collected) objective.dispose();
  }
}

/**
 * mean over layers of mean_b J_b^2 (`sample`) or (mean_b J_b)^2 (`batch`): the second term of equation 10 without eta.
 *
 * A layer that was called several times, as the shared encoder of the retrieval model is, counts once, with the mean of
 * its objectives, taken before the square. No Primal layer: 0.
 *
 * How ours differs from the paper, with the official code: the sum over layers is a mean; heads are averaged inside the
 * square; the reduction over the batch is {@link KsvdReduction}, which the paper does not state.
 */
export function ksvdLoss(losses: readonly KsvdRecord[], options: { reduction: KsvdReduction }): tf.Scalar {
  const { reduction } = options;
  checkReduction('ksvdLoss', reduction);
  return tf.tidy(() => {
    const byLayer = new Map<string, tf.Tensor1D[]>();
    for (const { layer, objective } of losses) {
      byLayer.set(layer, [...(byLayer.get(layer) ?? []), objective]);
    }
    if (byLayer.size === 0) return tf.scalar(0);
    const terms = [...byLayer.values()].map((calls) => squaredObjective(calls, reduction));
    return mean(terms);
  });
}

function squaredObjective(calls: readonly tf.Tensor1D[], reduction: KsvdReduction): tf.Scalar {
  const objective = mean(calls);
  return reduction === 'sample' ? tf.mean(tf.square(objective)) : tf.square(tf.mean(objective));
}

function mean<T extends tf.Tensor>(tensors: readonly T[]): T {
  if (tensors.length === 1) return tensors[0];
  return tf.mul(tf.addN([...tensors]), 1 / tensors.length) as T;
}

function checkReduction(caller: string, reduction: unknown): void {
  if (reduction !== 'sample' && reduction !== 'batch') {
    throw new Error(`${caller}: reduction must be 'sample' or 'batch', got ${JSON.stringify(reduction)}`);
  }
}

/** Objectives of the last training pass of a layer that {@link attachKsvdLoss} serves, kept until they are used. */
interface Attachment {
  pending: tf.Tensor1D[];
  used: boolean;
}

const attachments = new WeakMap<tf.layers.Layer, Attachment>();

/**
 * Adds eta * (mean over the layers of J^2) to what `model.fit` minimises, for models that are trained with plain tfjs.
 *
 * ```ts
 * attachKsvdLoss([model.getLayer('layer0/attention') as PrimalAttention], 0.1, { reduction: 'sample' });
 * await model.fit(x, y);
 * ```
 *
 * It rests on tfjs's `Layer.addLoss`, and has its limits; {@link withLosses} has none of them:
 * - the term enters the training loss alone: `evaluate` leaves it out, where the official code reports it;
 * - tfjs asks only the layers of the model itself and of models inside it, not layers inside other layers (wrappers);
 * - it cannot be taken off again, and eta is fixed.
 */
export function attachKsvdLoss(
  layers: PrimalLayer | readonly PrimalLayer[],
  eta: number,
  options: { reduction: KsvdReduction },
): void {
  const list = Array.isArray(layers) ? (layers as readonly PrimalLayer[]) : [layers as PrimalLayer];
  if (list.length === 0) throw new Error('attachKsvdLoss: no layers were given');
  if (!Number.isFinite(eta)) throw new Error(`attachKsvdLoss: eta must be a finite number, got ${eta}`);
  checkReduction('attachKsvdLoss', options.reduction);
  for (const layer of list) {
    if (attachments.has(layer)) {
      throw new Error(`attachKsvdLoss: layer '${layer.name}' already has a KSVD loss`);
    }
  }
  for (const layer of list) {
    const attachment: Attachment = { pending: [], used: false };
    attachments.set(layer, attachment);
    layer.addLoss(() => {
      const { pending, used } = attachment;
      attachment.pending = [];
      attachment.used = true;
      if (pending.length === 0) {
        // A layer used twice in one model is asked twice; the first answer held the mean over both uses.
        if (used) return tf.scalar(0);
        throw new Error(
          `attachKsvdLoss: layer '${layer.name}' was not called in training mode before its loss`,
        );
      }
      const term = tf.tidy(
        () => tf.mul(squaredObjective(pending, options.reduction), eta / list.length) as tf.Scalar,
      );
      for (const objective of pending) objective.dispose();
      return term;
    });
  }
}

/** Hands a layer's objective to whoever listens; it is computed for nobody else. */
export function reportObjective(
  layer: tf.layers.Layer,
  training: boolean,
  objective: () => tf.Tensor1D,
): void {
  const collector = collectors.at(-1);
  const attachment = training ? attachments.get(layer) : undefined;
  if (!collector?.listens && attachment === undefined) return;
  const value = tf.tidy(objective);
  if (collector?.listens) collector.receive({ layer: layer.name, objective: value });
  if (attachment !== undefined) {
    const receive = (tensor: tf.Tensor): void => keepPending(attachment, tensor as tf.Tensor1D);
    const reports = heldBack.at(-1);
    if (reports === undefined) receive(value);
    else reports.push({ tensor: tf.keep(tf.clone(value)), deliver: receive });
  }
  value.dispose();
}

function keepPending(attachment: Attachment, objective: tf.Tensor1D): void {
  if (attachment.used) {
    attachment.used = false;
    for (const stale of attachment.pending) stale.dispose();
    attachment.pending = [];
  }
  attachment.pending.push(tf.keep(tf.clone(objective)));
}
