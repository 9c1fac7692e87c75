import { backend, getBackend, registerBackend } from '@tensorflow/tfjs-core';
import { XlaBackend } from './backend.js';
import { openDevice } from './device.js';
import { watchOptimizers } from './jit/optimizers.js';
import { backendName, registerKernels, registerKernelsOf } from './kernels.js';
import { registerModelFiles } from './model-files.js';
import { watchStorage } from './precision/gradient-storage.js';

export { XlaBackend } from './backend.js';

registerKernels();
registerModelFiles();
// Above the priority of tfjs's own backends: who imports this package wants it.
registerBackend(
  backendName,
  () => {
    const xla = new XlaBackend(openDevice());
    registerKernelsOf(xla.client.platformName);
    return xla;
  },
  10,
);
watchOptimizers(() => {
  const xla = current();
  if (xla !== undefined && !xla.tracing) xla.flush();
});
watchStorage(current);

function current(): XlaBackend | undefined {
  return getBackend() === backendName ? (backend() as XlaBackend) : undefined;
}
