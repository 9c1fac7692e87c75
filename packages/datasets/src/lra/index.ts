export * from './image/index.js';
export * from './listops/index.js';
export * from './pathfinder/index.js';
export * from './retrieval/index.js';
export * from './text/index.js';
