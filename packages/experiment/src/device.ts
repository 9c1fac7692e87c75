import type { XlaBackend } from '@primal-attention/tfjs-backend-xla';
import * as tf from '@tensorflow/tfjs';

/** What the engine in use computes on, and with. */
export function deviceName(): string {
  const version = tf.version_core;
  switch (tf.getBackend()) {
    case 'xla': {
      const { client, plugin } = tf.backend() as unknown as XlaBackend;
      const [source] = plugin.origin.split(' in ');
      return `${client.devices[0].kind}, PJRT ${client.library.version.join('.')}, plugin from ${source}`;
    }
    case 'tensorflow': {
      const { binding, isUsingGpuDevice } = tf.backend() as unknown as TensorflowBackend;
      return `${isUsingGpuDevice ? 'gpu' : 'cpu'}, TensorFlow ${binding.TF_Version}, binding of tfjs-node ${version}`;
    }
    case 'wasm':
      return `cpu, one thread, tfjs-backend-wasm ${version}`;
    default:
      return `cpu, one thread, tfjs-backend-${tf.getBackend()} ${version}`;
  }
}

/** What computes, without what it computes with: `NVIDIA H200` of {@link deviceName}'s `NVIDIA H200, PJRT 0.115, …`. */
export function cardOf(device: string): string {
  return device.split(',')[0];
}

/** Whether the engine in use computes on a GPU, or another accelerator. */
export function isOnGpu(): boolean {
  switch (tf.getBackend()) {
    case 'xla':
      return (tf.backend() as unknown as XlaBackend).client.platformName !== 'cpu';
    case 'tensorflow':
      return (tf.backend() as unknown as TensorflowBackend).isUsingGpuDevice;
    default:
      return false;
  }
}

/** What tfjs-node's backend says of the library that it loaded. */
interface TensorflowBackend {
  readonly binding: { readonly TF_Version: string };
  readonly isUsingGpuDevice: boolean;
}
