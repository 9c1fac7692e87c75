import type { AttentionKind, LraClassifierConfig } from '@primal-attention/models';

/** Settings of a model's Primal layers: s and eta. */
export interface PrimalSettings {
  readonly rank: number;
  readonly eta: number;
}

/** A task of Table 4 at its published size. */
export interface Task {
  readonly vocabulary: number;
  /** N. */
  readonly length: number;
  readonly classes: number;
  /** Two documents a sample. */
  readonly dual: boolean;
  readonly batch: number;
  /** Of the published OneCycle schedule. */
  readonly totalSteps: number;
  readonly warmupSteps: number;
  /** Of the published timing scripts, which are not always those of the accuracies. */
  readonly primal: PrimalSettings;
  readonly primalTrans: PrimalSettings;
  /** tau of YOSO-E, as its own code has it for the task. */
  readonly yosoCodeLength: number;
  /** What the random ids are drawn from, and whether documents end before N, the rest being padding (0). */
  readonly ids: { readonly first: number; readonly count: number; readonly padded: boolean };
}

/** Bytes + 1 of documents. */
const bytes = { first: 1, count: 256, padded: true };
/** Grey values, of which 0 counts as padding, as in the official code. */
const greys = { first: 0, count: 256, padded: false };

/**
 * The tasks of Table 4, the most telling first.
 *
 * Source: yingyichen-cyy/PrimalAttention, PrimalAttention_LRA, configurations and timing scripts.
 */
export const tasks = {
  Text: {
    ...{ vocabulary: 512, length: 4096, classes: 2, dual: false, batch: 32 },
    ...{ totalSteps: 20_000, warmupSteps: 8_000 },
    ...{ primal: { rank: 20, eta: 0.01 }, primalTrans: { rank: 20, eta: 0.1 } },
    ...{ yosoCodeLength: 12, ids: bytes },
  },
  ListOps: {
    ...{ vocabulary: 32, length: 2048, classes: 10, dual: false, batch: 32 },
    ...{ totalSteps: 5_000, warmupSteps: 1_000 },
    ...{ primal: { rank: 20, eta: 0.05 }, primalTrans: { rank: 20, eta: 0.05 } },
    ...{ yosoCodeLength: 11, ids: { first: 1, count: 15, padded: true } },
  },
  Image: {
    ...{ vocabulary: 512, length: 1024, classes: 10, dual: false, batch: 256 },
    ...{ totalSteps: 35_000, warmupSteps: 175 },
    ...{ primal: { rank: 20, eta: 0.05 }, primalTrans: { rank: 30, eta: 0.1 } },
    ...{ yosoCodeLength: 10, ids: greys },
  },
  Retrieval: {
    ...{ vocabulary: 512, length: 4096, classes: 2, dual: true, batch: 32 },
    ...{ totalSteps: 30_000, warmupSteps: 800 },
    ...{ primal: { rank: 30, eta: 0.05 }, primalTrans: { rank: 20, eta: 0.1 } },
    ...{ yosoCodeLength: 12, ids: bytes },
  },
  Pathfinder: {
    ...{ vocabulary: 512, length: 1024, classes: 2, dual: false, batch: 256 },
    ...{ totalSteps: 62_400, warmupSteps: 312 },
    ...{ primal: { rank: 30, eta: 0.1 }, primalTrans: { rank: 30, eta: 0.05 } },
    ...{ yosoCodeLength: 10, ids: greys },
  },
} as const satisfies Record<string, Task>;

export type TaskName = keyof typeof tasks;
export const taskNames = Object.keys(tasks) as TaskName[];

/** What all tasks share, by the same source. */
export const common = {
  rankMultiplier: 10,
  dropout: 0.1,
  /** The schedule's peak. */
  learningRate: 1e-4,
  epsilon: 1e-6,
} as const;

/** A model: the attention of its two layers. */
export interface Model {
  readonly attention: readonly [AttentionKind, AttentionKind];
  /** Options of its mechanisms beside what the model sets. */
  readonly options?: (task: Task, length: number) => NonNullable<LraClassifierConfig['mechanismOptions']>;
  /** Which of the task's Primal settings it has. */
  readonly primal?: 'primal' | 'primalTrans';
  /** What a reader must know to compare it. */
  readonly note?: string;
}

/**
 * The models, the most telling first, by the names of the paper's tables; sizes are those of the official LRA code. `Lin.` is
 * Linformer. Fused softmax is in no table of the paper, but is what one would take today.
 */
export const models = {
  'Primal.': { attention: ['primal', 'primal'], primal: 'primal' },
  'Trans. (fused)': {
    attention: ['fused-softmax', 'fused-softmax'],
    options: () => ({ 'fused-softmax': { kernel: 'cudnn', dropout: 0 } }),
    note: "cuDNN's kernel, bf16 inside whatever the precision; without mask and dropout on attention weights",
  },
  'Trans.': {
    attention: ['softmax', 'softmax'],
    note: 'keeps the attention weights for the backward pass, where the official code computes them anew',
  },
  'Primal.+Trans.': { attention: ['softmax', 'primal'], primal: 'primalTrans' },
  Nystrom: {
    attention: ['nystromformer', 'nystromformer'],
    options: () => ({ nystromformer: { landmarks: 64, convolution: 35 } }),
  },
  'Lin.': {
    attention: ['linformer', 'linformer'],
    options: (_, length) => ({ linformer: { maxLength: length, rank: Math.min(256, length) } }),
  },
  'Per.': {
    attention: ['performer', 'performer'],
    options: () => ({ performer: { randomFeatures: 256 } }),
  },
  'Re.': {
    attention: ['reformer', 'reformer'],
    options: () => ({ reformer: { hashes: 2, chunkLength: 64 } }),
  },
  Linear: { attention: ['linear', 'linear'] },
  'Long.': {
    attention: ['longformer', 'longformer'],
    options: (_, length) => ({ longformer: { window: Math.min(512, 2 * Math.ceil(length / 2)) } }),
    note: 'window 512; that of the published accuracies is not stated',
  },
  'YOSO-E': {
    attention: ['yoso', 'yoso'],
    options: ({ yosoCodeLength }) => ({ yoso: { codeLength: yosoCodeLength } }),
  },
  'Trans. (blockwise)': {
    attention: ['fused-softmax', 'fused-softmax'],
    note: "Trans. with its mask and dropout from blocks of 128 keys, in tfjs's operations",
  },
} as const satisfies Record<string, Model>;

export type ModelName = keyof typeof models;
export const modelNames = Object.keys(models) as ModelName[];

/** The rows of Table 4, in its order. */
export const paperRows = [
  'Trans.',
  'Nystrom',
  'Lin.',
  'Per.',
  'Re.',
  'Primal.+Trans.',
  'Primal.',
] as const satisfies readonly ModelName[];

/** Rows that the report has beside those of the paper. */
export const additionalRows = [
  'Trans. (fused)',
  'Linear',
  'Long.',
  'YOSO-E',
] as const satisfies readonly ModelName[];

/** The models whose growth with N is measured. */
export const scalingModels = ['Primal.', 'Trans. (fused)', 'Trans.'] as const satisfies readonly ModelName[];

/**
 * `off`: the model as the paper formulates it, in operations of tfjs. `on`: its blocks by GPU kernels of our own, which compute the
 * same: norm and feed-forward part of every model, Primal's whole block, and softmax with its mask and dropout without an N x N
 * matrix. What no kernel can do is computed as with `off`.
 */
export const kernelForms = ['off', 'on'] as const;
export type KernelForm = (typeof kernelForms)[number];

/** Blockwise softmax is what stands in for the kernel where there is none: with kernels it would be `Trans.` once more. */
export function hasKernelForm(model: ModelName): boolean {
  return model !== 'Trans. (blockwise)';
}

/**
 * `bf16`: autocast around the forward pass. `tf32`: float32 storage with products in TF32 (on a CPU, in float32). `float32`: products
 * in float32 too, which kernels do not have.
 */
export const precisions = ['bf16', 'tf32', 'float32'] as const;
export type Precision = (typeof precisions)[number];

/** `one-cycle` is the published one; `constant` is what the peers have. */
export const schedules = ['one-cycle', 'constant'] as const;
export type ScheduleName = (typeof schedules)[number];
