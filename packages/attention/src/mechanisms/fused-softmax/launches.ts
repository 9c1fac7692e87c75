import type { TileCandidates } from '@primal-attention/runtime';
import {
  type SoftmaxConfig,
  softmaxAttentionProgram,
  softmaxKeyGradientProgram,
  softmaxQueryGradientProgram,
  writtenOnce,
} from '@primal-attention/tile';
import { checkKeys, checkOneOf } from '../../check.js';

/** Queries and keys of a tile, warps of a program, stages of its loop. */
type Launch = readonly [queries: number, keys: number, warps: number, stages: number];

/** The kernels of softmax attention, and how each may be launched, the fastest on an H200 first. Large heads need small tiles. */
const kernels = {
  attention: {
    program: softmaxAttentionProgram,
    launches: [
      [64, 64, 4, 3],
      [64, 128, 4, 3],
      [32, 32, 4, 2],
    ],
  },
  queryGradient: {
    program: softmaxQueryGradientProgram,
    launches: [
      [64, 64, 4, 3],
      [64, 32, 4, 2],
      [32, 32, 4, 2],
    ],
  },
  keyGradient: {
    program: softmaxKeyGradientProgram,
    launches: [
      [64, 64, 4, 3],
      [32, 64, 4, 3],
      [32, 32, 4, 2],
    ],
  },
} as const satisfies Record<string, { program: unknown; launches: readonly Launch[] }>;

/** A kernel of softmax attention. */
export type SoftmaxKernel = keyof typeof kernels;

/**
 * How each kernel of softmax attention is launched, by the label that `PRIMAL_LOG=tile` prints, such as
 * `128 queries, 64 keys, 8 warps, 2 stages`. What is left out is measured when it is first needed, and the fastest taken.
 */
export type SoftmaxTiles = { readonly [Kernel in SoftmaxKernel]?: string };

function labelOf([queries, keys, warps, stages]: Launch): string {
  return `${queries} queries, ${keys} keys, ${warps} warps, ${stages} stages`;
}

/** The labels of a kernel's launches. */
export function launchLabels(kernel: SoftmaxKernel): string[] {
  return kernels[kernel].launches.map(labelOf);
}

/** @throws Error that lists the kernels, or the launches of one */
export function checkTiles(caller: string, tiles: SoftmaxTiles): void {
  checkKeys(`${caller}: tiles`, tiles, Object.keys(kernels));
  for (const [kernel, label] of Object.entries(tiles)) {
    checkOneOf(caller, `tiles.${kernel}`, label, launchLabels(kernel as SoftmaxKernel));
  }
}

/** Every launch of a kernel. @param choice the label of the one to take, if it is not to be measured */
export function softmaxCandidates(
  kernel: SoftmaxKernel,
  config: SoftmaxConfig,
  choice?: string,
): TileCandidates {
  const { program, launches } = kernels[kernel];
  const { heads, maskKeys = false, maskMode, causal = false, rate = 0 } = config;
  const candidate = ([queriesPerTile, keysPerTile, numWarps, numStages]: Launch) => {
    const launched = { ...config, queriesPerTile, keysPerTile };
    const launch = { numWarps, numStages };
    return writtenOnce(`softmax ${kernel}`, { ...launched, ...launch }, () => program(launched, launch));
  };
  return {
    name: [
      `softmax ${kernel}`,
      `${heads} heads`,
      ...(maskKeys ? ['mask'] : []),
      ...(causal ? ['causal'] : []),
      ...(maskKeys || causal ? [maskMode] : []),
      ...(rate > 0 ? [`dropout ${rate}`] : []),
    ].join(', '),
    candidates: Object.fromEntries(launches.map((launch) => [labelOf(launch), () => candidate(launch)])),
    choice,
  };
}
