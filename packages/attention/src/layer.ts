import * as tf from '@tensorflow/tfjs';
import { checkCount, checkKeys, checkOneOf } from './check.js';
import { linear } from './heads.js';
import { type SeededConfig, SeededNormal, torchUniform } from './initializers.js';

/** The options of every layer of tfjs: name, inputShape, dtype, trainable and so on. */
export type LayerConfig = NonNullable<ConstructorParameters<typeof tf.layers.Layer>[0]>;

const layerOptions: readonly string[] = [
  'name',
  'trainable',
  'dtype',
  'inputShape',
  'batchInputShape',
  'batchSize',
  'weights',
  'inputDType',
  // tfjs puts this into the configuration when it loads a model.
  'customObjects',
];

export interface AttentionConfig extends LayerConfig {
  /** H; must divide the number of features. */
  heads: number;
  /** Default 0. The initial weights follow from it and from the layer's name. */
  seed?: number;
  /** How the linear maps start. Default `torch`; the Decision Transformer has `gpt2`. */
  initialization?: Initialization;
}

/** The initial values of linear maps: torch's U(+-1/sqrt fanIn), or GPT-2's N(0, 0.02^2) with biases of 0. */
export type Initialization = 'torch' | 'gpt2';
const initializations: readonly Initialization[] = ['torch', 'gpt2'];

/** What tfjs hands through to each layer's call. */
export interface CallOptions {
  /** True in a training pass, where dropout acts. */
  training?: boolean;
}

/** A shape of tf.layers: null where a size is not known yet. */
export type Shape = (number | null)[];

/** What the attention layers share: x or [x, mask] as input, x's shape as output, linear maps. */
export abstract class AttentionLayer extends tf.layers.Layer {
  readonly heads: number;
  readonly seed: number;
  readonly initialization: Initialization;
  /** d, the size of x's last axis; known once the layer is built. */
  protected features = 0;
  readonly #maps = new Map<string, { kernel: tf.LayerVariable; bias: tf.LayerVariable }>();

  constructor(config: AttentionConfig, ownOptions: readonly string[], className: string) {
    checkKeys(className, config, ['heads', 'seed', ...ownOptions, 'initialization', ...layerOptions]);
    super(config);
    checkCount(className, 'heads', config.heads);
    this.heads = config.heads;
    this.seed = config.seed ?? 0;
    this.initialization = config.initialization ?? 'torch';
    checkOneOf(className, 'initialization', this.initialization, initializations);
  }

  override build(inputShape: Shape | Shape[]): void {
    const shapes = (Array.isArray(inputShape[0]) ? inputShape : [inputShape]) as Shape[];
    this.#checkInputs(shapes);
    this.features = shapes[0][2] as number;
    if (this.features % this.heads !== 0) {
      throw new Error(
        `${this.getClassName()}: ${this.features} features do not divide into ${this.heads} heads; ` +
          `choose a divisor of ${this.features}`,
      );
    }
    this.built = true;
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return (Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as Shape;
  }

  /** p, the number of features per head. */
  protected get headSize(): number {
    return this.features / this.heads;
  }

  /** x [B, N, d] and, where there is one, its mask [B, N]. */
  protected inputs(inputs: tf.Tensor | tf.Tensor[]): { x: tf.Tensor3D; mask?: tf.Tensor2D } {
    const list = Array.isArray(inputs) ? inputs : [inputs];
    this.#checkInputs(list.map(({ shape }) => shape));
    const [x, mask] = list;
    if (this.built && x.shape[2] !== this.features) {
      throw new Error(
        `${this.getClassName()}: '${this.name}' has weights for ${this.features} features, got x [${x.shape}]; ` +
          'inputs of another size need a layer of their own',
      );
    }
    if (mask === undefined) return { x: x as tf.Tensor3D };
    if (mask.shape[0] !== x.shape[0] || mask.shape[1] !== x.shape[1]) {
      throw new Error(
        `${this.getClassName()}: x [${x.shape}] needs a mask [${x.shape.slice(0, 2)}], got [${mask.shape}]`,
      );
    }
    return { x: x as tf.Tensor3D, mask: tf.cast(mask, 'float32') as tf.Tensor2D };
  }

  /** The source of a weight's initial numbers. */
  protected seeded(weight: string): SeededConfig {
    return { seed: this.seed, stream: `${this.name}/${weight}` };
  }

  /** Makes the weights `NAME/kernel` [inputs, outputs] and `NAME/bias` [outputs]. */
  protected addLinear(name: string, inputs: number, outputs: number): void {
    const weight = (part: string, shape: number[]): tf.LayerVariable => {
      const stream = this.seeded(`${name}/${part}`);
      let initializer: Parameters<typeof this.addWeight>[3] = torchUniform(inputs, stream);
      if (this.initialization === 'gpt2') {
        initializer =
          part === 'kernel' ? new SeededNormal({ ...stream, std: 0.02 }) : tf.initializers.zeros();
      }
      return this.addWeight(`${name}/${part}`, shape, 'float32', initializer);
    };
    this.#maps.set(name, {
      kernel: weight('kernel', [inputs, outputs]),
      bias: weight('bias', [outputs]),
    });
  }

  protected linearWeights(name: string): { kernel: tf.Tensor2D; bias: tf.Tensor1D } {
    const map = this.#maps.get(name);
    if (map === undefined)
      throw new Error(`${this.getClassName()}: the layer was called before it was built`);
    return { kernel: map.kernel.read() as tf.Tensor2D, bias: map.bias.read() as tf.Tensor1D };
  }

  /** The linear map NAME, [B, N, inputs] to [B, N, outputs]. */
  protected linear(name: string, x: tf.Tensor3D): tf.Tensor3D {
    const { kernel, bias } = this.linearWeights(name);
    return linear(x, kernel, bias);
  }

  #checkInputs(shapes: readonly Shape[]): void {
    const [x, mask] = shapes;
    if (shapes.length > 2 || x.length !== 3 || typeof x[2] !== 'number' || (mask && mask.length !== 2)) {
      const given = shapes.map((shape) => `[${shape.map((n) => n ?? 'null')}]`).join(' and ');
      throw new Error(
        `${this.getClassName()}: expected x [batch, length, features], or [x, mask [batch, length]]; got ${given}`,
      );
    }
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { heads, seed, initialization } = this;
    return { ...super.getConfig(), heads, seed, initialization };
  }
}

/** A built layer's variables by the names that the layer gave them: `query/kernel`. */
export function layerWeights(layer: tf.layers.Layer): Map<string, tf.Variable> {
  return new Map(
    layer.weights.map((weight) => [
      // A layer that was built without being applied has no name before those of its weights.
      weight.originalName.startsWith(`${layer.name}/`)
        ? weight.originalName.slice(layer.name.length + 1)
        : weight.originalName,
      weight.read() as tf.Tensor as tf.Variable,
    ]),
  );
}
