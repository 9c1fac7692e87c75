import { startEngine } from '@primal-attention/engines';

// PRIMAL_BACKEND chooses the engine that every package's tests run on; the default is the best that works.
await startEngine();
