// Run by the report, in a process of its own: starts one engine and prints what it is, as JSON.
import { cpus, totalmem } from 'node:os';
import { tileKernelRefusal, tileTuningSeconds } from '@primal-attention/runtime';
import type { XlaBackend } from '@primal-attention/tfjs-backend-xla';
import * as tf from '@tensorflow/tfjs';
import { startEngine } from './start.js';
import { megabytes } from './tensorflow/install.js';
import { installedTensorflow } from './tensorflow/place.js';

const cores = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${megabytes(totalmem())}`;

function details(name: string): string[] {
  switch (name) {
    case 'xla': {
      const { client, plugin } = tf.backend() as XlaBackend;
      const { devices, platformName, platformVersion } = client;
      const kinds = [...new Set(devices.map(({ kind }) => kind))];
      const memory =
        platformName === 'cpu' ? cores : `${megabytes(devices[0].memoryStats().bytesLimit ?? 0)} to use`;
      const refusal = tileKernelRefusal();
      return [
        `plugin: ${plugin.origin}`,
        `platform: ${platformName}${platformVersion ? ` (${platformVersion.trim().split('\n')[0]})` : ''}`,
        `devices: ${kinds.join(', ')} (${devices.length}); ${memory}`,
        `tile kernels: ${refusal === undefined ? tuned() : `not run: ${refusal}`}`,
      ];
    }
    case 'tensorflow': {
      const manifest = installedTensorflow();
      const { isUsingGpuDevice } = tf.backend() as unknown as { isUsingGpuDevice: boolean };
      return [
        `TensorFlow ${manifest?.tensorflow} (${manifest?.kind}), binding of tfjs-node ${manifest?.binding}, ${megabytes(manifest?.bytes ?? 0)}`,
        `devices: ${isUsingGpuDevice ? 'GPU' : `CPU; ${cores}`}`,
      ];
    }
    case 'wasm':
      return [`tfjs-backend-wasm ${tf.version_core}, in threads: no`, `devices: CPU; ${cores}`];
    default:
      return [`tfjs-backend-cpu ${tf.version_core}, plain JavaScript: for tests`, `devices: CPU; ${cores}`];
  }
}

/** That kernels run, and what a first start with them costs. */
function tuned(): string {
  return (
    `supported; up to ${tileTuningSeconds()} s of measuring launches in a process (PRIMAL_TUNING); ` +
    'kernels after that take their first launch that compiles'
  );
}

const name = process.argv[2];
try {
  await startEngine(name);
  const sum = tf.sum(tf.tensor1d([1, 2, 3])).dataSync()[0];
  if (sum !== 6) throw new Error(`1 + 2 + 3 gave ${sum}`);
  console.log(JSON.stringify({ details: details(name) }));
} catch (error) {
  console.log(JSON.stringify({ reason: (error as Error).message }));
}
process.exit(0);
