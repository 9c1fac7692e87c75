// One jitted training step in a process of its own, for the tests of the disk cache: prints the loss, and how many
// programs were compiled and loaded.
import '@primal-attention/tfjs-backend-xla';
import * as tf from '@tensorflow/tfjs';

await tf.setBackend('xla');
const xla = tf.backend();
const weights = tf.variable(tf.ones([4, 2]).mul(0.1));
const optimizer = tf.train.adam(0.1);
const step = xla.jit((x) => optimizer.minimize(() => x.matMul(weights).square().mean(), true, [weights]));
const x = tf.tensor2d([1, 2, 3, 4, 5, 6, 7, 8], [2, 4]);
step(x).dispose();
const loss = (await step(x).data())[0];
const { compilations, loads } = xla.executables.statistics;
process.stdout.write(JSON.stringify({ loss, compilations, loads }));
