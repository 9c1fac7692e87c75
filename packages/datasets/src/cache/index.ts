export { type CacheOptions, cached, isCached, type ProcessedSet } from './cached.js';
export { processedFolder } from './folder.js';
export type { Json, Recipe, SourceSum } from './manifest.js';
export { sourceSum } from './source-sum.js';
export { recipeWithoutSources } from './without-sources.js';
