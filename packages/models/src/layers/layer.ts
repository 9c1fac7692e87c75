import type * as tf from '@tensorflow/tfjs';

/** The options of every layer of tfjs: name, inputShape, dtype, trainable and so on. */
export type LayerConfig = NonNullable<ConstructorParameters<typeof tf.layers.Layer>[0]>;

/** What tfjs hands through to each layer's call. */
export interface CallOptions {
  /** True in a training pass, where dropout acts. */
  training?: boolean;
}

export type Shape = (number | null)[];

/** The shapes of a layer's inputs, also where there is only one. */
export function shapeList(shape: Shape | Shape[]): Shape[] {
  return (Array.isArray(shape[0]) ? shape : [shape]) as Shape[];
}
