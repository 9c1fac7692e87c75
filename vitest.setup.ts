import '@primal-attention/tfjs-backend-xla';
import { useBackend } from '@primal-attention/runtime';

// PRIMAL_BACKEND chooses the engine that every package's tests run on; the default is the best that works.
await useBackend();
