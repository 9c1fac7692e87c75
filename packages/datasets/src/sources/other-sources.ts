import type { Source } from './registry.js';

/** Sets of later tables. */
export const otherSources: readonly Source[] = [];
