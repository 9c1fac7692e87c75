import { backend, getBackend, registerBackend } from '@tensorflow/tfjs-core';
import { XlaBackend } from './backend.js';
import { openDevice } from './device.js';
import { watchOptimizers } from './jit/optimizers.js';
import { backendName, registerKernels } from './kernels.js';
import { registerModelFiles } from './model-files.js';

export { XlaBackend } from './backend.js';

registerKernels();
registerModelFiles();
// Above the priority of tfjs's own backends: who imports this package wants it.
registerBackend(backendName, () => new XlaBackend(openDevice()), 10);
watchOptimizers(() => {
  if (getBackend() !== backendName) return;
  const xla = backend() as XlaBackend;
  if (!xla.tracing) xla.flush();
});
