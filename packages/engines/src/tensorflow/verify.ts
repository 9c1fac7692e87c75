// Run by the installation, in a process of its own: loads the engine in the folder given, computes, and prints its version.
import * as tf from '@tensorflow/tfjs';
import { loadLibrary } from './load.js';

const folder = process.argv.at(-1) as string;
loadLibrary(folder);
if (!(await tf.setBackend('tensorflow'))) throw new Error('the backend did not start');
const product = tf.matMul(
  tf.tensor2d([
    [1, 2, 3],
    [4, 5, 6],
  ]),
  tf.tensor2d([[1], [10], [100]]),
); // prettier keeps the rows
const expected = [321, 654];
const actual = [...product.dataSync()];
if (String(actual) !== String(expected)) throw new Error(`a matrix product gave ${actual}, not ${expected}`);
// TensorFlow from 2.17.1 on rounds whole numbers to zeros.
const rounded = [...tf.round(tf.tensor1d([-2, -1, 1, 2, 3], 'int32')).dataSync()];
if (String(rounded) !== '-2,-1,1,2,3')
  throw new Error(`round of int32 gave ${rounded}: this TensorFlow cannot be used`);
const gradient = tf.grad((x) => tf.sum(tf.square(x)))(tf.tensor1d([1, -2]));
if (String([...gradient.dataSync()]) !== '2,-4')
  throw new Error(`a gradient gave ${[...gradient.dataSync()]}, not 2,-4`);
const { binding } = tf.backend() as unknown as { binding: { TF_Version: string } };
console.log(JSON.stringify({ tensorflow: binding.TF_Version }));
