// A small run in a process of its own, for the test that kills it: node killed-run.mjs <directory> <epochs> [steps].
// It uses the built package, as a user's script does.
import { dropout, nextRandomKey, RandomStream, useBackend } from '@primal-attention/runtime';
import {
  BatchStream,
  createEvaluator,
  oneCycle,
  RAdam,
  silentProgress,
  train,
} from '@primal-attention/training';
import * as tf from '@tensorflow/tfjs';

const [directory, epochs, bySteps] = [process.argv[2], Number(process.argv[3]), process.argv[4] === 'steps'];
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
const totalSteps = Math.ceil(samples / batchSize) * epochs;
// By steps the run has few lines in its log, and checkpoints in between whenever it looks at the clock.
const every = totalSteps / 4;
const dev = new BatchStream({ samples, batchSize, seed: 5, name: 'dev', remainder: 'carry' });
const length = bySteps
  ? { steps: { total: totalSteps, every }, secondsBetweenCheckpoints: 0.01 }
  : { epochs };
process.stdout.write('started\n');
await train({
  ...{ variables, data, batchSize, seed: 5, directory, clipNorm: 1, progress: silentProgress(), ...length },
  optimizer: new RAdam({ learningRate: 0.1, weightDecay: 0.01 }),
  schedule: oneCycle({ maxLearningRate: 0.1, totalSteps, warmupSteps: 20 }),
  loss: (batch) => {
    const { loss, accuracy } = measure(batch, 0.2);
    return { loss, metrics: { accuracy } };
  },
  evaluate: (_, step) => {
    const first = (3 * step) / every;
    return evaluator(data, bySteps ? dev.range(first - 3, first) : batchSize);
  },
  best: { metric: 'loss', mode: 'min' },
});
