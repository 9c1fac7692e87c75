import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { xla } from './testing/compare.js';
import { numbers, oneHotRows } from './testing/training.js';

const compilations = () => xla().executables.statistics.compilations;

afterEach(() => tf.disposeVariables());

const [samples, features, classes] = [48, 4, 3];

/** Three classes that a small network can tell apart. */
function separable(): { x: tf.Tensor2D; y: tf.Tensor2D } {
  return tf.tidy(() => {
    const y = oneHotRows(samples, classes);
    const centres = numbers([classes, features], 1, 2) as tf.Tensor2D;
    const x = tf.matMul(y, centres).add(numbers([samples, features], 2, 0.3)) as tf.Tensor2D;
    return { x, y };
  });
}

/** With the same initial weights each time: of eight units as many could be dead that it cannot learn. */
function classifier(...between: tf.layers.Layer[]): tf.Sequential {
  const model = tf.sequential();
  const [first, second] = [1, 2].map((seed) => tf.initializers.glorotUniform({ seed }));
  model.add(
    tf.layers.dense({ units: 8, inputShape: [features], activation: 'relu', kernelInitializer: first }),
  );
  for (const layer of between) model.add(layer);
  model.add(tf.layers.dense({ units: classes, activation: 'softmax', kernelInitializer: second }));
  model.compile({ optimizer: tf.train.adam(0.03), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
  return model;
}

describe('model.fit', () => {
  it('calls callbacks with numbers, of each batch and each epoch', async () => {
    const { x, y } = separable();
    const events: string[] = [];
    const losses: number[] = [];
    const history = await classifier().fit(x, y, {
      epochs: 2,
      batchSize: 20,
      validationSplit: 0.25,
      verbose: 0,
      callbacks: {
        onTrainBegin: async () => void events.push('train'),
        onEpochBegin: async (epoch) => void events.push(`epoch ${epoch}`),
        onBatchEnd: async (batch, logs) => {
          events.push(`batch ${batch} of ${logs!.size}`);
          losses.push(logs!.loss);
        },
        onEpochEnd: async (_, logs) => void events.push(Object.keys(logs!).sort().join(' ')),
        onTrainEnd: async () => void events.push('end'),
      },
    });
    const epoch = ['batch 0 of 20', 'batch 1 of 16', 'acc loss val_acc val_loss'];
    expect(events).toEqual(['train', 'epoch 0', ...epoch, 'epoch 1', ...epoch, 'end']);
    expect(losses.every((loss) => Number.isFinite(loss) && loss > 0)).toBe(true);
    // An epoch's loss is the mean over its samples, so the smaller batch counts less.
    expect(history.history.loss[0]).toBeCloseTo((20 * losses[0] + 16 * losses[1]) / 36, 5);
  });

  it('stops early, and when a callback says so', async () => {
    const { x, y } = separable();
    const model = classifier();
    // A loss that would have to fall by 100 does not improve.
    const patience = tf.callbacks.earlyStopping({ monitor: 'loss', minDelta: 100, patience: 2 });
    const early = await model.fit(x, y, { epochs: 20, verbose: 0, callbacks: [patience] });
    expect(early.epoch).toHaveLength(3);
    class Stop extends tf.CustomCallback {
      constructor() {
        super({
          onBatchEnd: async (batch) => {
            if (batch === 2) model.stopTraining = true;
          },
        });
      }
    }
    const stopped = await model.fit(x, y, { epochs: 20, batchSize: 8, verbose: 0, callbacks: new Stop() });
    expect(stopped.epoch).toHaveLength(1);
  });

  it('draws another dropout mask for each batch, with the same programs', async () => {
    const { x, y } = separable();
    const dropout = tf.layers.dropout({ rate: 0.5 });
    const model = classifier(dropout);
    const zeros = () =>
      tf.tidy(
        () => (dropout.apply(tf.ones([4, 50]), { training: true }) as tf.Tensor).arraySync() as number[][],
      );
    const [first, second] = [zeros(), zeros()];
    expect(first).not.toEqual(second);
    expect(new Set(first.flat())).toEqual(new Set([0, 2]));
    await model.fit(x, y, { epochs: 2, batchSize: 16, verbose: 0 });
    const before = compilations();
    await model.fit(x, y, { epochs: 20, batchSize: 16, verbose: 0 });
    expect(compilations() - before).toBeLessThanOrEqual(1);
    // Without a mask a prediction is always the same; masks, which nothing seeds, make the accuracy of training vary.
    const [, accuracy] = model.evaluate(x, y) as tf.Scalar[];
    expect(accuracy.dataSync()[0]).toBeGreaterThan(0.8);
    const predict = () => (model.predict(x) as tf.Tensor).dataSync();
    expect(predict()).toEqual(predict());
  });

  it('keeps tensors, their bytes and programs constant from epoch to epoch', async () => {
    const { x, y } = separable();
    const model = classifier(tf.layers.batchNormalization(), tf.layers.dropout({ rate: 0.1 }));
    const fit = (epochs: number) => model.fit(x, y, { epochs, batchSize: 20, verbose: 0 });
    await fit(2);
    const [memory, compiled] = [tf.memory(), compilations()];
    await fit(10);
    expect(tf.memory()).toMatchObject({
      numTensors: memory.numTensors,
      numDataBuffers: memory.numDataBuffers,
      numBytes: memory.numBytes,
    });
    expect(xla().numDataIds()).toBe(memory.numDataBuffers);
    expect(compilations() - compiled).toBeLessThanOrEqual(1);
  });

  it('keeps resident memory constant over 2,000 batches that nothing reads', async () => {
    const model = tf.sequential();
    model.add(tf.layers.dense({ units: 64, inputShape: [256], activation: 'tanh' }));
    model.add(tf.layers.dense({ units: 1 }));
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    const [x, y] = [numbers([4000, 256], 1), numbers([4000, 1], 2)];
    const resident: number[] = [];
    class Observer extends tf.Callback {
      override async onBatchEnd(): Promise<void> {
        resident.push(process.memoryUsage().rss / 2 ** 20);
      }
    }
    await model.fit(x, y, { epochs: 1, batchSize: 2, verbose: 0, callbacks: [new Observer()] });
    expect(resident).toHaveLength(2000);
    // An array of batch indices and one of weights per batch, not freed, would be 130 MB.
    expect(Math.max(...resident.slice(1000)) - Math.max(...resident.slice(500, 1000))).toBeLessThan(40);
  });

  it('names a token id beyond the vocabulary, and goes on afterwards', async () => {
    const model = tf.sequential();
    model.add(tf.layers.embedding({ inputDim: 5, outputDim: 2, inputLength: 1 }));
    model.add(tf.layers.flatten());
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    const y = tf.ones([3, 2]);
    const message = 'the index value 7 is not in [0, 4]';
    for (const dtype of ['int32', 'float32'] as const) {
      const ids = tf.tensor2d([1, 7, 2], [3, 1], dtype);
      expect(() => model.predict(ids)).toThrow(message);
      await expect(model.trainOnBatch(ids, y)).rejects.toThrow(message);
    }
    const wrong = tf.tensor2d([1, 7, 2], [3, 1], 'int32');
    await expect(model.fit(wrong, y, { batchSize: 2, verbose: 0 })).rejects.toThrow(message);
    const right = tf.tensor2d([1, 4, 0], [3, 1], 'int32');
    const { history } = await model.fit(right, y, { epochs: 100, batchSize: 2, verbose: 0 });
    expect(history.loss.at(-1)).toBeLessThan(history.loss[0] as number);
  });
});

describe('other ways to train and to predict', () => {
  it('trainOnBatch, predictOnBatch, evaluate', async () => {
    const { x, y } = separable();
    const model = classifier();
    const [first] = (await model.trainOnBatch(x, y)) as number[];
    let last: number[] = [];
    for (let i = 0; i < 60; i++) last = (await model.trainOnBatch(x, y)) as number[];
    expect(last[0]).toBeLessThan(first / 2);
    expect(last[1]).toBeGreaterThan(0.9);
    const [loss, accuracy] = model.evaluate(x, y, { batchSize: 20 }) as tf.Scalar[];
    const predicted = model.predictOnBatch(x) as tf.Tensor;
    const right = predicted.argMax(1).equal(y.argMax(1)).mean().dataSync()[0];
    expect(accuracy.dataSync()[0]).toBeCloseTo(right, 6);
    expect(loss.dataSync()[0]).toBeCloseTo(
      tf.metrics.categoricalCrossentropy(y, predicted).mean().dataSync()[0],
      5,
    );
  });

  it('weighs a smaller last batch by its size', async () => {
    const model = tf.sequential();
    model.add(tf.layers.dense({ units: 1, inputShape: [1], kernelInitializer: 'zeros', trainable: false }));
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    const y = tf.tensor2d([Math.sqrt(10), Math.sqrt(10), 3], [3, 1]);
    const loss = model.evaluate(tf.ones([3, 1]), y, { batchSize: 2 }) as tf.Scalar;
    expect(loss.dataSync()[0]).toBeCloseTo(29 / 3, 5);
  });

  it('fitDataset and evaluateDataset, from arrays and from a generator', async () => {
    const { x, y } = separable();
    const [xs, ys] = [x.arraySync(), y.arraySync()];
    const arrays = tf.data
      .zip({ xs: tf.data.array(xs), ys: tf.data.array(ys) })
      .shuffle(48, 'seed')
      .batch(16);
    const generated = tf.data
      .generator(function* () {
        for (let i = 0; i < samples; i++) {
          yield { xs: tf.tensor1d(xs[i]), ys: tf.tensor1d(ys[i]) };
        }
      })
      .batch(20);
    for (const dataset of [arrays, generated] as tf.data.Dataset<Record<string, tf.Tensor>>[]) {
      const model = classifier();
      await model.fitDataset(dataset, { epochs: 1, verbose: 0 });
      const [tensors, compiled] = [tf.memory().numTensors, compilations()];
      const { history } = await model.fitDataset(dataset, { epochs: 25, verbose: 0 });
      expect(tf.memory().numTensors).toBe(tensors);
      expect(compilations() - compiled).toBeLessThanOrEqual(3);
      expect(history.acc.at(-1)).toBeGreaterThan(0.9);
      const [, accuracy] = (await model.evaluateDataset(dataset, {})) as tf.Scalar[];
      expect(accuracy.dataSync()[0]).toBeGreaterThan(0.9);
    }
  });
});

describe('what tfjs reports', () => {
  it('tf.memory counts the bytes of tensors by shape and type', () => {
    const before = tf.memory();
    const kept = [tf.ones([10, 10]).add(1), tf.ones([7], 'int32'), tf.ones([5], 'bool')];
    const after = tf.memory();
    expect(after.unreliable ?? false).toBe(false);
    // The sum's operand is alive as well.
    expect(after.numBytes - before.numBytes).toBe(2 * 400 + 28 + 5);
    tf.dispose(kept);
  });

  it('tf.profile names the kernels and counts what they make', async () => {
    const x = numbers([8, 8], 1) as tf.Tensor2D;
    const profile = await tf.profile(() => tf.tidy(() => tf.matMul(x, x).relu().sum()));
    expect(profile.newTensors).toBe(1);
    expect(profile.newBytes).toBe(4);
    expect(profile.kernelNames).toEqual(expect.arrayContaining(['BatchMatMul', 'Relu', 'Sum']));
    expect(profile.peakBytes).toBeGreaterThanOrEqual(x.size * 4 * 2);
    expect((profile.result as tf.Tensor).dataSync()[0]).toBeGreaterThan(0);
  });

  it('tf.time includes the computation, also of what is not read', async () => {
    const x = numbers([64, 64], 1) as tf.Tensor2D;
    const { wallMs, kernelMs } = await tf.time(() => tf.tidy(() => tf.matMul(x, x)).dispose());
    expect(wallMs).toBeGreaterThan(0);
    expect(kernelMs).toBeGreaterThan(0);
  });
});
