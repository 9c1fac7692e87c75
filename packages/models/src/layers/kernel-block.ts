import { layerWeights } from '@primal-attention/attention';
import { tileStorage } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import type { KernelOptions } from '../kernels/launches.js';
import type { CallOptions } from './layer.js';

/** What a block needs to be computed by a kernel. */
export interface KernelCall extends KernelOptions {
  /** How the kernel is to store tokens and matrices. */
  readonly storage: NonNullable<ReturnType<typeof tileStorage>>;
  readonly training: boolean;
}

/**
 * A part of a network as a model of its layers, which a GPU kernel can compute in one pass.
 *
 * The layers are those that would stand there otherwise: they own the weights, are saved to files, and compute wherever no kernel
 * does, operation for operation the same.
 */
export abstract class KernelBlock extends tf.LayersModel {
  /** How the kernels are called. */
  kernels: KernelOptions = {};

  /** The block by a kernel, or undefined where there is none for it. */
  protected abstract callKernel(inputs: readonly tf.Tensor[], options: KernelCall): tf.Tensor | undefined;

  override call(inputs: tf.Tensor | tf.Tensor[], options: CallOptions): tf.Tensor | tf.Tensor[] {
    const storage = tileStorage();
    if (storage === undefined) return super.call(inputs, { ...options });
    const list = Array.isArray(inputs) ? inputs : [inputs];
    const { training = false } = options;
    return (
      this.callKernel(list, { ...this.kernels, storage, training }) ?? super.call(inputs, { ...options })
    );
  }

  /** The block's layers of one class, in the order of their calls. */
  protected layersOf<L extends tf.layers.Layer>(className: string): L[] {
    return this.layers.filter((layer) => layer.getClassName() === className) as L[];
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { choice } = this.kernels;
    return { ...super.getConfig(), ...(choice && { choice: { ...choice } }) };
  }

  /** @nocollapse */
  static override fromConfig<T extends tf.serialization.Serializable>(
    cls: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
    customObjects?: tf.serialization.ConfigDict,
    fastWeightInit?: boolean,
  ): T {
    const block = tf.LayersModel.fromConfig(cls, config, customObjects, fastWeightInit);
    if (config.choice != null) {
      (block as unknown as KernelBlock).kernels = { choice: config.choice as KernelOptions['choice'] };
    }
    return block;
  }
}

/** A built layer's weights by their names in it. */
export function weightsOf<Name extends string>(
  layer: tf.layers.Layer,
  ...names: readonly Name[]
): Record<Name, tf.Tensor> {
  const weights = layerWeights(layer);
  return Object.fromEntries(names.map((name) => [name, weights.get(name)])) as unknown as Record<
    Name,
    tf.Tensor
  >;
}
