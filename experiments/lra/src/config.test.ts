import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { idOf, parseId } from '@primal-attention/experiment';
import { configHash, oneCycle } from '@primal-attention/training';
import { describe, expect, it } from 'vitest';
import { committedFolder, committedRuns } from './committed.js';
import { parseConfig, type RunConfig, readConfig } from './config.js';
import { experimentFolder, runIds } from './folder.js';
import { buildModel } from './model.js';
import { smallConfig } from './testing/small.js';

const config = (id: string): RunConfig => readConfig(join(experimentFolder(), id, 'config.json'));
const full = runIds().filter((id) => !id.includes('-quick-'));

/** Of lra_config.py: batch, parts of it, steps, warmup, steps between evaluations, batches of an evaluation. */
const training: Record<RunConfig['task'], number[]> = {
  ListOps: [32, 1, 5000, 1000, 50, 62],
  Text: [32, 1, 20_000, 8000, 500, 781],
  Retrieval: [32, 1, 30_000, 800, 300, 565],
  Image: [256, 2, 35_000, 175, 175, 20],
  Pathfinder: [256, 2, 62_400, 312, 312, 312],
};

/** Of the official scripts: s and eta of Primal. and of Primal.+Trans. */
const ksvd: Record<RunConfig['task'], [number[], number[]]> = {
  ListOps: [
    [20, 0.1],
    [30, 0.05],
  ],
  Text: [
    [20, 0.05],
    [30, 0.1],
  ],
  Retrieval: [
    [30, 0],
    [20, 0.05],
  ],
  Image: [
    [30, 0.1],
    [30, 0.1],
  ],
  Pathfinder: [
    [30, 0.1],
    [20, 0.05],
  ],
};

/** Parameters of the official modules: Trans., Primal., Primal.+Trans.; Nystrom and Lin. */
const parameters: Record<RunConfig['task'], number[]> = {
  ListOps: [209_802, 236_186, 243_654, 209_942, 1_258_378],
  Text: [370_562, 396_946, 404_414, 370_702, 2_467_714],
  Retrieval: [395_138, 462_842, 408_330, 395_278, 2_492_290],
  Image: [174_986, 242_690, 208_838, 175_126, 699_274],
  Pathfinder: [173_954, 241_658, 187_146, 174_094, 698_242],
};
const models = ['Trans.', 'Primal.', 'Primal.+Trans.'];

describe('the configs of the table', () => {
  it('are there for each task and model', () => {
    const names = full.map(
      (id) => `${config(id).task} ${config(id).model}${id.endsWith('-dropped') ? ' dropped' : ''}`,
    );
    const expected = [...Object.keys(training), 'ListOps dropped'].flatMap((row) => {
      const [task, dropped] = row.split(' ');
      return models.map((model) => [task, model, dropped].filter(Boolean).join(' '));
    });
    expect([...names].sort()).toEqual([...expected].sort());
  });

  it.each(full)('%s has the published settings', (id) => {
    const run = config(id);
    expect([
      ...[run.batchSize, run.microBatches, run.steps, run.warmupSteps],
      ...[run.evaluateEvery, run.evaluationBatches],
    ]).toEqual(training[run.task]);
    expect(run).toMatchObject({
      ...{ modelSize: 64, heads: 2, feedForward: 128, dropout: 0.1 },
      ...{ learningRate: 1e-4, epsilon: 1e-6, weightDecay: 0 },
    });
    const [primal, mixed] = ksvd[run.task];
    if (run.model === 'Trans.') expect(run.eta).toBeUndefined();
    else {
      const [rank, eta] = run.model === 'Primal.' ? primal : mixed;
      expect(run.mechanisms.primal).toEqual({ rank, rankMultiplier: 10, trace: 'weights' });
      expect(run.eta).toBe(eta);
    }
    if (run.task === 'Text') expect(run.data).toEqual({ dev: 'test' });
    if (run.task === 'ListOps') {
      const closing = id.endsWith('-dropped') ? 'dropped' : 'kept';
      const further = { seed: 1, samples: 20_000 };
      expect(run.data).toEqual({ source: 'generated', seed: 0, closing, further });
    }
    const schedule = oneCycle({
      maxLearningRate: run.learningRate,
      totalSteps: run.steps,
      warmupSteps: run.warmupSteps,
    });
    expect(schedule(run.warmupSteps - 1)).toEqual({ learningRate: 1e-4, beta1: 0.85 });
  });

  it.each(full)('%s has the published number of parameters', (id) => {
    const run = config(id);
    const model = buildModel(run);
    expect(model.countParams()).toBe(parameters[run.task][models.indexOf(run.model)]);
    model.dispose();
  });

  it.each(full.filter((id) => config(id).model === 'Trans.'))(
    '%s with the mechanism of a baseline has its number of parameters',
    (id) => {
      const run = config(id);
      const counts = [
        parseConfig(
          {
            ...{ ...run, model: 'Nystrom', layers: ['nystromformer', 'nystromformer'] },
            mechanisms: { nystromformer: { landmarks: 64, convolution: 35 } },
          },
          'nystrom',
        ),
        parseConfig(
          {
            ...{ ...run, model: 'Lin.', layers: ['linformer', 'linformer'] },
            mechanisms: { linformer: { maxLength: lengths[run.task], rank: 256 } },
          },
          'linformer',
        ),
      ].map((baseline) => {
        const model = buildModel(baseline);
        const count = model.countParams();
        model.dispose();
        return count;
      });
      expect(counts).toEqual(parameters[run.task].slice(3));
    },
  );

  it.each(runIds())('%s is a package, and where it may be skipped turbo keeps nothing of it', (id) => {
    const folder = join(experimentFolder(), id);
    const { name, scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    expect(name).toBe(`@primal-attention/experiment-lra-${id}`);
    const isSmall = id.includes('-quick-');
    expect(scripts.experiment).toBe(`node ../dist/run-main.js .${isSmall ? '' : ' --on-gpu'}`);
    const turbo = join(folder, 'turbo.json');
    const cached = existsSync(turbo)
      ? JSON.parse(readFileSync(turbo, 'utf8')).tasks.experiment.cache
      : undefined;
    expect(cached).toBe(isSmall ? undefined : false);
  });
});

const lengths: Record<RunConfig['task'], number> = {
  ListOps: 2048,
  Text: 4096,
  Retrieval: 4096,
  Image: 1024,
  Pathfinder: 1024,
};

describe('a config', () => {
  const valid = smallConfig('ListOps');

  it.each(['ListOps', 'Text', 'Retrieval', 'Image', 'Pathfinder'] as const)(
    'of %s is read as it is',
    (task) => {
      expect(parseConfig(smallConfig(task), 'x')).toEqual(smallConfig(task));
    },
  );

  it('may hold out a share of Text for development', () => {
    const held = { ...smallConfig('Text'), data: { dev: { share: 0.1, seed: 2 } } };
    expect(parseConfig(held, 'x').data).toEqual({ dev: { share: 0.1, seed: 2 } });
    expect(() => parseConfig({ ...held, data: { dev: 'train' } }, 'x')).toThrow(/data\.dev/);
  });

  it('may have kernels, with launches or without, which are another run', () => {
    const tf32 = smallConfig('Text', { precision: 'tf32' });
    const choice = { feedForward: '64 tokens x 8, 4 warps' };
    for (const kernels of [true, { choice }])
      expect(parseConfig({ ...tf32, kernels }, 'x').kernels).toEqual(kernels);
    const hashes = [tf32, { ...tf32, kernels: true }].map((of) => configHash(parseConfig(of, 'x')));
    expect(hashes[0]).toBe(configHash(tf32));
    expect(hashes[1]).not.toBe(hashes[0]);
    const drawn = parseConfig({ ...tf32, kernels: true, dropoutDraw: 'products' }, 'x');
    expect(hashes).not.toContain(configHash(drawn));
    const refuse = (kernels: unknown, reason: RegExp, change: object = {}): void =>
      expect(() => parseConfig({ ...tf32, kernels, ...change }, 'x')).toThrow(reason);
    refuse(false, /must be true or .*; leave it out[\s\S]*kernels/);
    refuse({ choices: choice }, /must be true or/);
    refuse({ choice: { feedForward: 'fast' } }, /must be one of 64 tokens x 8, 4 warps.*got 'fast'/);
    refuse({ choice: { softmax: 'fast' } }, /the kernels are feedForward/);
    refuse(true, /need products in TF32 or bf16/, { precision: 'float32' });
  });

  it('of a committed run with kernels is still that run', () => {
    const runs = committedRuns(committedFolder()).filter(({ kernels }) => kernels !== undefined);
    expect(runs.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['text-primal.kernels', 'text-primal.seed1.kernels']),
    );
    for (const { id, config, configHash: before } of runs) {
      expect(configHash(parseConfig(config, id)), id).toBe(before);
      expect(idOf(parseId(id)!)).toBe(id);
    }
  });

  it('with a mistyped, missing or senseless setting is an error that names it', () => {
    const { seed: _, ...withoutSeed } = valid;
    const refuse = (change: object, reason: RegExp): void =>
      expect(() => parseConfig({ ...valid, ...change }, 'x')).toThrow(reason);
    expect(() => parseConfig(withoutSeed, 'x')).toThrow(/seed/);
    refuse({ learningrate: 1 }, /learningrate/);
    refuse({ task: 'ListOp' }, /task/);
    refuse({ data: { source: 'generated', seed: 0, closing: 'kept', size: 3 } }, /size/);
    refuse({ data: { source: 'generated', seed: 0 } }, /closing/);
    const further = { seed: 0, samples: 5 };
    refuse(
      { data: { source: 'generated', seed: 0, closing: 'kept', further } },
      /must not be that of the set itself, 0/,
    );
    refuse({ layers: ['softmax', 'primals'] }, /layers/);
    refuse({ layers: ['primal', 'softmax'] }, /Primal\.\+Trans\. has the layers softmax, primal/);
    refuse({ mechanisms: { primal: { ranks: 2, rankMultiplier: 4 } } }, /ranks/);
    refuse({ mechanisms: { primal: { rank: 0, rankMultiplier: 4 } } }, /rank/);
    refuse({ mechanisms: { ...valid.mechanisms, linear: {} } }, /no layer has this mechanism/);
    refuse({ eta: undefined }, /needs it/);
    refuse({ model: 'Trans.', layers: ['softmax', 'softmax'], mechanisms: {} }, /has none/);
    refuse({ evaluateEvery: 5 }, /must divide the 12 steps/);
    refuse({ microBatches: 3 }, /must divide the batch of 4/);
    refuse({ warmupSteps: 12 }, /below the 12 steps/);
    refuse({ heads: 3 }, /must divide the model size 8/);
    refuse({ precision: 'half' }, /precision/);
    expect(() => readConfig('/nowhere.json')).toThrow(/nowhere\.json/);
  });
});
