// A small run in a process of its own, for the test that kills it: node killedRun.mjs <directory> <epochs>.
// It uses the built package, as a user's script does.
import { dropout, nextRandomKey, RandomStream, useBackend } from '@primal-attention/runtime';
import { createEvaluator, oneCycle, RAdam, silentProgress, train } from '@primal-attention/training';
import * as tf from '@tensorflow/tfjs';

const [directory, epochs] = [process.argv[2], Number(process.argv[3])];
const [samples, batchSize] = [22, 4];
await useBackend('cpu');

const stream = new RandomStream(1);
const normals = (count) => Float32Array.from({ length: count }, () => stream.normal());
const variables = {
  hidden: tf.variable(tf.tensor(normals(3 * 8), [3, 8])),
  output: tf.variable(tf.tensor(normals(8 * 2), [8, 2])),
};
const x = normals(samples * 3);
const data = {
  x: { data: x, shape: [samples, 3] },
  label: {
    data: Int32Array.from({ length: samples }, (_, i) => (x[3 * i] > x[3 * i + 1] ? 1 : 0)),
    shape: [samples],
  },
};
const measure = (batch, rate) => {
  const hidden = tf.tanh(tf.matMul(batch.x, variables.hidden));
  const scores = tf.matMul(rate === 0 ? hidden : dropout(hidden, rate, nextRandomKey()), variables.output);
  return {
    loss: tf.neg(tf.mean(tf.sum(tf.mul(tf.oneHot(batch.label, 2), tf.logSoftmax(scores)), 1))),
    accuracy: tf.mean(tf.cast(tf.equal(tf.argMax(scores, 1), batch.label), 'float32')),
  };
};
const evaluator = createEvaluator((batch) => measure(batch, 0));
process.stdout.write('started\n');
await train({
  ...{ variables, data, batchSize, epochs, seed: 5, directory, clipNorm: 1, progress: silentProgress() },
  optimizer: new RAdam({ learningRate: 0.1, weightDecay: 0.01 }),
  schedule: oneCycle({
    maxLearningRate: 0.1,
    totalSteps: Math.ceil(samples / batchSize) * epochs,
    warmupSteps: 20,
  }),
  loss: (batch) => {
    const { loss, accuracy } = measure(batch, 0.2);
    return { loss, metrics: { accuracy } };
  },
  evaluate: () => evaluator(data, batchSize),
  best: { metric: 'loss', mode: 'min' },
});
