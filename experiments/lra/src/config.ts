import {
  type AttentionConfig,
  createAttention,
  type MechanismName,
  mechanisms,
  PrimalLayer,
} from '@primal-attention/attention';
import { parseConfigOf, readConfigFile } from '@primal-attention/experiment';
import { z } from 'zod';
import { checkKernelSettings, kernelSettings } from './kernel-settings.js';
import { tableModels, tasks } from './tasks.js';

const count = z.int().positive();
const sizes = z.strictObject({ train: count, dev: count, test: count });

/** Whether rows of ListOps have `]`. As published is, most likely, `dropped`: see the README. */
const closing = z.enum(['kept', 'dropped']);

/** Where the samples of a task come from. What is left out is as published. */
const data = {
  ListOps: z.discriminatedUnion('source', [
    z.strictObject({
      source: z.literal('generated'),
      seed: z.int().nonnegative(),
      closing,
      /** Expressions beside the published test set, of another seed's stream: on 2,000 an accuracy has a standard error of 1.1 points. */
      further: z.strictObject({ seed: z.int().nonnegative(), samples: count }).optional(),
      sizes: sizes.optional(),
      settings: z
        .strictObject({
          maxDepth: count,
          maxArgs: count,
          lengthAbove: z.int().nonnegative(),
          lengthBelow: count,
          branching: z.number().min(0).max(1),
        })
        .optional(),
      /** Tokens that are kept of an expression, and the length of a row (N). */
      maxTokens: count.optional(),
      rowLength: count.optional(),
    }),
    z.strictObject({ source: z.literal('release'), closing }),
  ]),
  /** `dev`: the test set itself, as published, or a share of train that is then no longer trained on. */
  Text: z.strictObject({
    dev: z.union([
      z.literal('test'),
      z.strictObject({ share: z.number().gt(0).lt(1), seed: z.int().nonnegative() }),
    ]),
    maxBytes: count.optional(),
    rowLength: count.optional(),
    sizes: z.literal('any').optional(),
  }),
  Retrieval: z.strictObject({
    maxBytes: count.optional(),
    rowLength: count.optional(),
    sizes: z.literal('any').optional(),
  }),
  Image: z.strictObject({ dev: count }),
  Pathfinder: z.discriminatedUnion('source', [
    z.strictObject({
      source: z.literal('generated'),
      seed: z.int().nonnegative(),
      level: z.enum(['easy', 'intermediate', 'hard']),
      sizes: sizes.optional(),
    }),
    z.strictObject({
      source: z.literal('release'),
      /** Of the shuffle before the cut into train, dev and test. */
      seed: z.int().nonnegative(),
      level: z.enum(['easy', 'intermediate', 'hard']),
    }),
  ]),
};

/** What all tasks have in common. */
const common = {
  /** The model's name in the table. */
  model: z.string().min(1),
  /** The attention of each layer, first layer first. */
  layers: z.array(z.enum(Object.keys(mechanisms) as MechanismName[])).min(1),
  /** The settings of these mechanisms, by name, as `createAttention` takes them. */
  mechanisms: z.partialRecord(
    z.enum(Object.keys(mechanisms) as MechanismName[]),
    z.record(z.string(), z.json()),
  ),
  /** The weight of the KSVD loss, for models with Primal layers. */
  eta: z.number().nonnegative().optional(),
  modelSize: count,
  heads: count,
  feedForward: count,
  dropout: z.number().min(0).lt(1),
  learningRate: z.number().positive(),
  /** AdamW's. */
  epsilon: z.number().positive(),
  weightDecay: z.number().nonnegative(),
  /** Of the one-cycle schedule: the peak is at step warmupSteps - 1. */
  warmupSteps: z.number().gt(1),
  steps: count,
  batchSize: count,
  /** Parts of a batch over each of which J is averaged before it is squared. */
  microBatches: count,
  evaluateEvery: count,
  /** Batches of each evaluation on the development set. */
  evaluationBatches: count,
  /** float32: products in float32; tf32: in TF32 where the device has it; bf16: activations are stored in bf16, too. */
  precision: z.enum(['float32', 'tf32', 'bf16']),
  /**
   * Blocks and softmax attention by GPU kernels of our own: `true`, or the launch of each kernel, with which a run can be repeated to
   * the bit: `choice` as of `kernels` of `lraClassifier`, `tiles` as of `FusedSoftmaxAttention` for the softmax layers. Left out for
   * none, as in all configs from before there were kernels: one run, one way to write it.
   */
  kernels: kernelSettings.optional(),
  /**
   * How dropout draws its masks, as of `lraClassifier`: by products of random words, which is what kernels are fast with. Left out for
   * `elements`, by which all runs drew from before there was a choice; softmax attention by kernels draws by products all the same.
   */
  dropoutDraw: z
    .literal('products', {
      error: "must be 'products'; leave it out for masks that are drawn element by element",
    })
    .optional(),
  /** Of the initial weights, the order of the samples and dropout. */
  seed: z.int().nonnegative(),
};

/**
 * One run: everything that decides its outcome apart from code and data. Defaults would hide what a run does, so every
 * setting is written out; a mistyped one is an error.
 */
const schema = z
  .discriminatedUnion('task', [
    z.strictObject({ task: z.literal('ListOps'), data: data.ListOps, ...common }),
    z.strictObject({ task: z.literal('Text'), data: data.Text, ...common }),
    z.strictObject({ task: z.literal('Retrieval'), data: data.Retrieval, ...common }),
    z.strictObject({ task: z.literal('Image'), data: data.Image, ...common }),
    z.strictObject({ task: z.literal('Pathfinder'), data: data.Pathfinder, ...common }),
  ])
  .superRefine((config, context) => {
    const issue = (path: string[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    const { model, layers, steps, batchSize, evaluateEvery, microBatches, warmupSteps } = config;
    const { further, seed } = config.data as { further?: { seed: number }; seed?: number };
    if (further !== undefined && further.seed === seed) {
      issue(['data', 'further', 'seed'], `must not be that of the set itself, ${seed}`);
    }
    const expected = Object.hasOwn(tableModels, model)
      ? tableModels[model as keyof typeof tableModels]
      : undefined;
    if (expected !== undefined && expected.join() !== layers.join()) {
      issue(
        ['layers'],
        `the table's ${model} has the layers ${expected.join(', ')}, got ${layers.join(', ')}`,
      );
    }
    if (steps % evaluateEvery !== 0) {
      issue(
        ['evaluateEvery'],
        `must divide the ${steps} steps, so that the last one is evaluated; got ${evaluateEvery}`,
      );
    }
    if (batchSize % microBatches !== 0) {
      issue(['microBatches'], `must divide the batch of ${batchSize}, got ${microBatches}`);
    }
    if (warmupSteps >= steps) issue(['warmupSteps'], `must be below the ${steps} steps, got ${warmupSteps}`);
    if (config.modelSize % config.heads !== 0) {
      issue(['heads'], `must divide the model size ${config.modelSize}, got ${config.heads}`);
    }
    for (const name of Object.keys(config.mechanisms)) {
      if (!layers.includes(name as MechanismName)) issue(['mechanisms', name], 'no layer has this mechanism');
    }
    checkKernelSettings(config, issue);
    let primal = false;
    for (const name of new Set(layers)) {
      try {
        primal ||= makeLayer(name, config.heads, config.mechanisms[name]) instanceof PrimalLayer;
      } catch (error) {
        issue(['mechanisms', name], (error as Error).message);
        return;
      }
    }
    if (primal !== (config.eta !== undefined)) {
      issue(
        ['eta'],
        primal ? 'a model with Primal layers needs it' : 'a model without Primal layers has none',
      );
    }
  });

/** A layer as the model will have it: its constructor checks the settings. */
function makeLayer(name: MechanismName, heads: number, settings: object = {}): object {
  return createAttention(name, { heads, ...settings } as unknown as AttentionConfig as never);
}

export type RunConfig = z.infer<typeof schema>;

/** @throws Error naming the file and each setting that is wrong */
export function readConfig(path: string): RunConfig {
  return readConfigFile(schema, path);
}

/** @throws Error naming `source` and each setting that is wrong */
export function parseConfig(json: unknown, source: string): RunConfig {
  return parseConfigOf(schema, json, source);
}

/** N. */
export function lengthOf({ task, data }: RunConfig): number {
  return ('rowLength' in data ? data.rowLength : undefined) ?? tasks[task].length;
}
