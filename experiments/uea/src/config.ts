import { type DatasetName, datasets } from '@primal-attention/datasets';
import { parseConfigOf, readConfigFile } from '@primal-attention/experiment';
import { z } from 'zod';

/** The models of Table 1 that this experiment trains. `Primal.+Trans.`: softmax first, Primal in the last layer. */
export const modelNames = ['Trans.', 'Primal.', 'Primal.+Trans.'] as const;

/**
 * One run: everything that decides its outcome apart from code and data. Defaults would hide what a run does, so every
 * setting is written out; a mistyped one is an error.
 */
const schema = z
  .strictObject({
    dataset: z.enum(Object.keys(datasets) as DatasetName[]),
    model: z.enum(modelNames),
    /** Settings of the Primal layers: s, the factor that gives n = min(N, s * multiplier), and eta. */
    primal: z
      .strictObject({
        rank: z.int().positive(),
        rankMultiplier: z.int().positive(),
        eta: z.number().nonnegative(),
      })
      .optional(),
    optimizer: z.enum(['RAdam', 'Adam']),
    learningRate: z.number().positive(),
    clipNorm: z.number().positive(),
    dropout: z.number().min(0).lt(1),
    batchSize: z.int().positive(),
    epochs: z.int().positive(),
    /** Of matrix products; left out: the device's own way, which is TF32 on a GPU that has it. */
    precision: z.enum(['float32', 'tf32']).optional(),
    seed: z.int().nonnegative(),
    /** Settings of other experiments, and so of the command line of all. */
    kernels: z
      .undefined({ error: 'this classifier has no GPU kernels of our own: leave --kernels out' })
      .optional(),
    dropoutDraw: z.literal('products').optional(),
  })
  .superRefine((config, context) => {
    // Not with the fields: --kernels sets both, and is refused once.
    if (config.dropoutDraw !== undefined) {
      context.addIssue({
        code: 'custom',
        path: ['dropoutDraw'],
        message: 'is of runs with GPU kernels, which this classifier has not',
      });
    }
    const needsPrimal = config.model !== 'Trans.';
    if (needsPrimal !== (config.primal !== undefined)) {
      context.addIssue({
        code: 'custom',
        path: ['primal'],
        message: needsPrimal
          ? `model '${config.model}' needs primal settings`
          : "model 'Trans.' has no primal settings",
      });
    }
  });

export type RunConfig = z.infer<typeof schema>;

/** @throws Error naming the file and each setting that is wrong */
export function readConfig(path: string): RunConfig {
  return readConfigFile(schema, path);
}

/** @throws Error naming `source` and each setting that is wrong */
export function parseConfig(json: unknown, source: string): RunConfig {
  return parseConfigOf(schema, json, source);
}
