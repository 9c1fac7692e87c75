import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { classIndices, expectSameTraining, numbers, oneHotRows, type Trainable } from './testing/training.js';

/** Three float32 updates add the rounding of sums in another order, here and in tfjs's cpu backend. */
const tolerance = 2e-5;

type LayerList = tf.layers.Layer[];

/** Samples of a shape through layers to one number, by squared error and stochastic gradient descent. */
function regression(layers: () => LayerList, sample: number[]): () => Trainable {
  return () => {
    const input = tf.input({ shape: sample });
    let output = input;
    for (const layer of layers()) output = layer.apply(output) as tf.SymbolicTensor;
    if (output.shape.length > 2) output = tf.layers.flatten().apply(output) as tf.SymbolicTensor;
    output = tf.layers.dense({ units: 1 }).apply(output) as tf.SymbolicTensor;
    const model = tf.model({ inputs: input, outputs: output });
    model.compile({ optimizer: tf.train.sgd(0.02), loss: 'meanSquaredError', metrics: ['mae'] });
    return { model, x: numbers([8, ...sample], 100), y: numbers([8, 1], 101) };
  };
}

const l = tf.layers;

describe('layers train and predict as on tfjs cpu', () => {
  const activations = [
    'elu',
    'hardSigmoid',
    'linear',
    'relu',
    'relu6',
    'selu',
    'sigmoid',
    'softmax',
    'softplus',
    'softsign',
    'tanh',
    'swish',
    'mish',
    'gelu',
    'gelu_new',
  ] as const;
  it('dense layers with every activation, side by side', async () => {
    await expectSameTraining(() => {
      const input = tf.input({ shape: [3] });
      const branches = activations.map(
        (activation) =>
          l.dense({ units: 4, activation: activation as 'elu' }).apply(input) as tf.SymbolicTensor,
      );
      const output = l.dense({ units: 1 }).apply(l.concatenate().apply(branches)) as tf.SymbolicTensor;
      const model = tf.model({ inputs: input, outputs: output });
      model.compile({ optimizer: tf.train.sgd(0.02), loss: 'meanSquaredError' });
      return { model, x: numbers([8, 3], 100), y: numbers([8, 1], 101) };
    }, tolerance);
  });

  const cases: Record<string, [() => LayerList, number[]]> = {
    'dense with regularisers and constraints': [
      () => [
        l.dense({
          units: 4,
          kernelRegularizer: tf.regularizers.l1l2({ l1: 0.01, l2: 0.02 }),
          biasRegularizer: tf.regularizers.l2({ l2: 0.1 }),
          kernelConstraint: tf.constraints.maxNorm({ maxValue: 0.6, axis: 0 }),
        }),
        l.dense({ units: 3, kernelConstraint: 'unitNorm', biasConstraint: 'nonNeg' }),
      ],
      [3],
    ],
    'activation layers': [
      () => [
        l.leakyReLU({ alpha: 0.2 }),
        l.prelu({ alphaInitializer: tf.initializers.constant({ value: 0.3 }) }),
        l.elu(),

        l.reLU({ maxValue: 2 }),
        l.softmax(),
        l.activation({ activation: 'tanh' }),
      ],
      [5],
    ],
    conv1d: [() => [l.conv1d({ filters: 3, kernelSize: 3, padding: 'same', activation: 'tanh' })], [7, 2]],
    'conv1d with stride, pooling': [
      () => [
        l.conv1d({ filters: 3, kernelSize: 3, strides: 2, padding: 'valid' }),
        l.maxPooling1d({ poolSize: 2 }),
        l.averagePooling1d({ poolSize: 2, strides: 1, padding: 'same' }),
        l.globalAveragePooling1d(),
      ],
      [8, 2],
    ],
    'conv2d with stride, pooling': [
      () => [
        l.conv2d({ filters: 3, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' }),
        l.maxPooling2d({ poolSize: 2, strides: 1 }),
        l.averagePooling2d({ poolSize: 2, padding: 'same' }),
      ],
      [7, 6, 2],
    ],
    'conv2d, global pooling': [
      () => [l.conv2d({ filters: 3, kernelSize: [2, 3] }), l.globalMaxPooling2d({})],
      [6, 7, 2],
    ],
    'conv2dTranspose, cropping': [
      () => [
        l.conv2dTranspose({ filters: 2, kernelSize: 3, strides: 2 }),
        l.cropping2D({
          cropping: [
            [1, 1],
            [0, 1],
          ],
        }),
        l.globalAveragePooling2d({}),
      ],
      [3, 3, 2],
    ],
    depthwiseConv2d: [
      () => [l.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, padding: 'same', activation: 'relu' })],
      [5, 4, 2],
    ],
    separableConv2d: [
      () => [l.separableConv2d({ filters: 3, kernelSize: 3, depthMultiplier: 2, activation: 'relu' })],
      [5, 5, 2],
    ],
    'conv3d, pooling': [
      () => [
        l.conv3d({ filters: 2, kernelSize: 2, activation: 'relu' }),
        l.maxPooling3d({ poolSize: 2, strides: 1 }),
        l.averagePooling3d({ poolSize: 2, strides: 1 }),
      ],
      [4, 4, 4, 1],
    ],
    'zero padding, upsampling': [
      () => [
        l.zeroPadding2d({
          padding: [
            [1, 0],
            [2, 1],
          ],
        }),
        l.upSampling2d({ size: [2, 2] }),
        l.conv2d({ filters: 2, kernelSize: 2 }),
      ],
      [3, 2, 2],
    ],
    'batch normalisation, with moving averages': [
      () => [
        l.dense({ units: 4 }),
        l.batchNormalization({ momentum: 0.8 }),
        l.activation({ activation: 'tanh' }),
      ],
      [3],
    ],
    'batch normalisation of channels': [
      () => [l.conv2d({ filters: 3, kernelSize: 2 }), l.batchNormalization({ momentum: 0.7, epsilon: 0.01 })],
      [4, 4, 2],
    ],
    'layer normalisation': [() => [l.dense({ units: 6 }), l.layerNormalization({ epsilon: 1e-3 })], [3]],
    simpleRNN: [() => [l.simpleRNN({ units: 3 })], [4, 2]],
    lstm: [
      () => [
        l.lstm({ units: 3, returnSequences: true }),
        l.lstm({ units: 2, recurrentActivation: 'sigmoid' }),
      ],
      [4, 2],
    ],
    gru: [() => [l.gru({ units: 3, goBackwards: true })], [4, 2]],
    'stacked cells': [
      () => [l.rnn({ cell: [l.lstmCell({ units: 2 }), l.gruCell({ units: 3 })] as never })],
      [3, 2],
    ],
    convLstm2d: [() => [l.convLstm2d({ filters: 2, kernelSize: 2 }) as tf.layers.Layer], [2, 3, 3, 1]],
    'bidirectional gru': [
      () => [
        l.bidirectional({ layer: l.gru({ units: 2, returnSequences: true }) as never, mergeMode: 'concat' }),
      ],
      [3, 2],
    ],
    'timeDistributed dense': [
      () => [l.timeDistributed({ layer: l.dense({ units: 2, activation: 'tanh' }) })],
      [3, 4],
    ],
    'masking before lstm': [() => [l.masking({ maskValue: 0 }), l.lstm({ units: 2 })], [3, 2]],
    'reshape, permute, repeatVector': [
      () => [l.repeatVector({ n: 3 }), l.permute({ dims: [2, 1] }), l.reshape({ targetShape: [3, 4] })],
      [4],
    ],
  };
  it.each(Object.entries(cases))('%s', async (_, [layers, sample]) => {
    await expectSameTraining(regression(layers, sample), tolerance);
  });

  it('embedding with masked zeros, into lstm', async () => {
    await expectSameTraining(() => {
      const model = tf.sequential();
      model.add(l.embedding({ inputDim: 7, outputDim: 3, inputLength: 5, maskZero: true }));
      model.add(l.lstm({ units: 4 }));
      model.add(l.dense({ units: 2, activation: 'softmax' }));
      model.compile({
        optimizer: tf.train.sgd(0.1),
        loss: 'sparseCategoricalCrossentropy',
        metrics: ['acc'],
      });
      const ids = Array.from({ length: 8 }, (_, i) => [1 + (i % 6), 1 + ((i * 5) % 6), i % 3, 0, 0]);
      return { model, x: tf.tensor2d(ids, [8, 5], 'int32'), y: classIndices(8, 2) };
    }, tolerance);
  });

  it('several inputs, shared layers and several outputs', async () => {
    await expectSameTraining(() => {
      const a = tf.input({ shape: [3] });
      const b = tf.input({ shape: [3] });
      const shared = l.dense({ units: 4, activation: 'tanh' });
      const [p, q] = [shared.apply(a), shared.apply(b)] as tf.SymbolicTensor[];
      const joined = l
        .concatenate()
        .apply([
          l.add().apply([p, q]) as tf.SymbolicTensor,
          l.multiply().apply([p, q]) as tf.SymbolicTensor,
          l.average().apply([p, q]) as tf.SymbolicTensor,
          l.maximum().apply([p, q]) as tf.SymbolicTensor,
          l.minimum().apply([p, q]) as tf.SymbolicTensor,
          l.dot({ axes: 1, normalize: true }).apply([p, q]) as tf.SymbolicTensor,
        ]) as tf.SymbolicTensor;
      const y1 = l.dense({ units: 1, name: 'value' }).apply(joined) as tf.SymbolicTensor;
      const y2 = l
        .dense({ units: 3, activation: 'softmax', name: 'kind' })
        .apply(joined) as tf.SymbolicTensor;
      const model = tf.model({ inputs: [a, b], outputs: [y1, y2] });
      model.compile({
        optimizer: tf.train.sgd(0.05),
        loss: { value: 'meanSquaredError', kind: 'categoricalCrossentropy' },
        metrics: { kind: 'accuracy' },
      });
      return {
        model,
        x: [numbers([8, 3], 5), numbers([8, 3], 6)],
        y: [numbers([8, 1], 7), oneHotRows(8, 3)],
      };
    }, tolerance);
  });

  it('a layer of one’s own that adds a loss', async () => {
    class Scaled extends tf.layers.Layer {
      static className = 'ScaledWithLoss';
      #factor!: tf.LayerVariable;

      override build(): void {
        this.#factor = this.addWeight('factor', [], 'float32', tf.initializers.constant({ value: 0.5 }));
        this.addLoss(() => tf.square(this.#factor.read()).mul(0.3) as tf.Scalar);
        this.built = true;
      }

      override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
        return tf.mul([inputs].flat()[0], this.#factor.read());
      }
    }
    await expectSameTraining(
      regression(() => [new Scaled({}), l.dense({ units: 3 })], [3]),
      tolerance,
    );
  });

  it('noise and dropout, which do nothing outside training', () => {
    const predict = (backend: string) => {
      tf.setBackend(backend);
      return tf.tidy(() => {
        const model = tf.sequential();
        model.add(l.dropout({ rate: 0.5, inputShape: [6] }));
        model.add(l.gaussianNoise({ stddev: 1 }));
        model.add(l.gaussianDropout({ rate: 0.5 }));
        model.add(l.alphaDropout({ rate: 0.5 }));
        return [...(model.predict(numbers([2, 6], 3)) as tf.Tensor).dataSync()];
      });
    };
    const expected = predict('cpu');
    expect(predict('xla')).toEqual(expected);
  });
});

describe('optimizers update as on tfjs cpu', () => {
  const optimizers: Record<string, () => tf.Optimizer> = {
    sgd: () => tf.train.sgd(0.1),
    momentum: () => tf.train.momentum(0.05, 0.9),
    nesterov: () => tf.train.momentum(0.05, 0.9, true),
    adagrad: () => tf.train.adagrad(0.1, 0.2),
    adadelta: () => tf.train.adadelta(0.5, 0.9),
    adam: () => tf.train.adam(0.02, 0.8, 0.99),
    adamax: () => tf.train.adamax(0.02),
    'adamax with decay': () => tf.train.adamax(0.02, 0.9, 0.99, 1e-7, 0.1),
    rmsprop: () => tf.train.rmsprop(0.01),
    'rmsprop, centred, with momentum': () => tf.train.rmsprop(0.01, 0.8, 0.5, 1e-3, true),
  };
  it.each(Object.entries(optimizers))('%s', async (_, optimizer) => {
    await expectSameTraining(() => {
      const model = tf.sequential();
      model.add(l.dense({ units: 4, inputShape: [3], activation: 'tanh' }));
      model.add(l.dense({ units: 2 }));
      model.compile({ optimizer: optimizer(), loss: 'meanSquaredError' });
      return { model, x: numbers([8, 3], 1), y: numbers([8, 2], 2) };
    }, tolerance);
  });
});

describe('losses and metrics are those of tfjs cpu', () => {
  const positive = () => numbers([8, 3], 4).abs().add(0.1);
  const signs = () => numbers([8, 3], 4).sign();
  const bits = () => numbers([8, 3], 4).greater(0).cast('float32');
  const metrics = ['mse', 'mae', tf.metrics.meanAbsolutePercentageError, tf.metrics.cosineProximity];
  const losses: Record<string, { y: () => tf.Tensor; activation?: string; metrics?: unknown[] }> = {
    meanSquaredError: { y: positive, metrics: [...metrics, tf.metrics.r2Score] },
    meanAbsoluteError: { y: positive },
    meanAbsolutePercentageError: { y: positive },
    meanSquaredLogarithmicError: { y: positive, activation: 'sigmoid' },
    squaredHinge: { y: signs },
    hinge: { y: signs },
    categoricalHinge: { y: () => oneHotRows(8, 3) },
    logcosh: { y: positive },
    categoricalCrossentropy: {
      y: () => oneHotRows(8, 3),
      activation: 'softmax',
      metrics: ['accuracy', 'categoricalCrossentropy', tf.metrics.precision, tf.metrics.recall],
    },
    sparseCategoricalCrossentropy: {
      y: () => classIndices(8, 3),
      activation: 'softmax',
      metrics: ['accuracy'],
    },
    binaryCrossentropy: {
      y: bits,
      activation: 'sigmoid',
      metrics: ['accuracy', tf.metrics.binaryCrossentropy, tf.metrics.binaryAccuracy],
    },
    kullbackLeiblerDivergence: { y: () => tf.softmax(numbers([8, 3], 4)), activation: 'softmax' },
    poisson: { y: positive, activation: 'softplus' },
    cosineProximity: { y: positive },
  };
  it.each(Object.entries(losses))('%s', async (loss, { y, activation = 'linear', metrics }) => {
    await expectSameTraining(() => {
      const model = tf.sequential();
      model.add(l.dense({ units: 3, inputShape: [4], activation: activation as 'linear' }));
      model.compile({ optimizer: tf.train.sgd(0.05), loss, metrics: (metrics ?? []) as string[] });
      return { model, x: numbers([8, 4], 3), y: tf.tidy(y) };
    }, tolerance);
  });
});
