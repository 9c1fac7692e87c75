import { registerBackend } from '@tensorflow/tfjs-core';
import { XlaBackend } from './backend.js';
import { watchOptimizers } from './jit/optimizers.js';
import { backendName, registerKernels } from './kernels.js';

export { XlaBackend } from './backend.js';

let instance: XlaBackend | undefined;

registerKernels();
// Above the priority of tfjs's own backends: who imports this package wants it.
registerBackend(
  backendName,
  () => {
    instance ??= new XlaBackend();
    return instance;
  },
  10,
);
watchOptimizers(() => {
  if (instance !== undefined && !instance.tracing) instance.flush();
});
