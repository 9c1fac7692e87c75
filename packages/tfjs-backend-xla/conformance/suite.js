// What is bundled: TensorFlow.js's own tests, which are written for a bundler, and the function that chooses their backend.
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util';

export { setTestEnvs };

/** Defines the specs, so it must come after `setTestEnvs`; an import would come before. */
export const defineSpecs = () => require('@tensorflow/tfjs-core/dist/tests');
