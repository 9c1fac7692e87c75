import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSafetensors } from '@primal-attention/safetensors';
import * as tf from '@tensorflow/tfjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AdamW } from '../optimizers/adamw.js';
import { silentProgress } from '../progress/sink.js';
import { oneCycle } from '../schedule.js';
import { tinyData, tinyModel, weightsOf } from '../testing/tiny-model.js';
import { type TrainOptions, type TrainResult, train } from '../train.js';
import { loadCheckpoint, writeCheckpoint } from './checkpoint.js';

const epochs = 6;
let root: string;
let directory: string;

// What this file tests is the host's work. On cpu none of its many small runs has to be compiled.
const backend = tf.getBackend();
beforeAll(() => tf.setBackend('cpu'));
afterAll(() => tf.setBackend(backend));

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'primal-run-'));
  directory = join(root, 'run');
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

type Options = TrainOptions<'x' | 'label', 'accuracy'>;

/** Scores that are best after epoch 4. */
const scores = [0.1, 0.3, 0.2, 0.3, 0.9, 0.5, 0.4];

async function run(change: Partial<Options> = {}): Promise<TrainResult & { weights: number[] }> {
  const model = tinyModel();
  const optimizer = new AdamW({ learningRate: 0.05 });
  try {
    const result = await train({
      ...{ variables: model.variables, optimizer, loss: model.loss, data: tinyData(), directory },
      ...{ batchSize: 4, epochs, seed: 3, progress: silentProgress(), config: { model: 'tiny' } },
      schedule: oneCycle({ maxLearningRate: 0.1, totalSteps: 3 * epochs, warmupSteps: 4 }),
      evaluate: async (epoch) => ({ score: scores[epoch] }),
      evaluateAt: () => true,
      best: { metric: 'score', mode: 'max' },
      ...change,
    });
    return { ...result, weights: weightsOf(model.variables) };
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}

/** Runs until the evaluation after `epoch` fails: the last checkpoint is from the epoch before. */
async function runUntil(epoch: number, change: Partial<Options> = {}): Promise<void> {
  const evaluate = async (at: number): Promise<Record<string, number>> => {
    if (at === epoch) throw new Error('power cut');
    return { score: scores[at] };
  };
  await expect(run({ evaluate, ...change })).rejects.toThrow('power cut');
}

const path = (name: string): string => join(directory, name);
const text = (name: string): string => readFileSync(path(name), 'utf8');
const checkpoint = (name: string) => readSafetensors(readFileSync(path(name)));

describe('a run that was cut off', () => {
  it.each([1, 3, 5, 6])('in epoch %d ends as an unbroken one', async (epoch) => {
    const whole = await run({ directory: join(root, 'whole') });
    await runUntil(epoch);
    // What a killed process may leave: lines of the lost epoch, one of them torn, and half a checkpoint.
    appendFileSync(path('metrics.jsonl'), '{"kind":"train","epo');
    writeFileSync(path('last.safetensors.0123.tmp'), 'half');
    writeFileSync(path('result.json.tmp'), '{');
    const resumed = await run();
    expect(resumed.weights).toEqual(whole.weights);
    expect(resumed.history).toEqual(whole.history);
    expect(resumed.best).toEqual(whole.best);
    for (const name of ['metrics.jsonl', 'last.safetensors', 'best.safetensors', 'result.json']) {
      const bytes = readFileSync(path(name));
      const expected = readFileSync(join(root, 'whole', name));
      // The checkpoint records the length of the timing log, which the clock decides.
      if (name.endsWith('safetensors'))
        expect(readSafetensors(bytes).tensors).toEqual(readSafetensors(expected).tensors);
      else expect(bytes.equals(expected), name).toBe(true);
    }
    expect(text('timing.jsonl').trim().split('\n')).toHaveLength(whole.history.length);
    expect(readdirSync(directory).sort()).toEqual(
      ['best.safetensors', 'last.safetensors', 'metrics.jsonl', 'result.json', 'timing.jsonl'].sort(),
    );
  });

  it('after its last checkpoint, before its result, only writes that', async () => {
    const whole = await run();
    const result = text('result.json');
    rmSync(path('result.json'));
    const resumed = await run({ loss: () => expect.unreachable('nothing is left to train') });
    expect(resumed.skipped).toBe(false);
    expect(resumed.weights).toEqual(whole.weights);
    expect(resumed.history).toEqual(whole.history);
    expect(text('result.json')).toBe(result);
  });

  it('between the last and the best checkpoint still has the best', async () => {
    await runUntil(5);
    const best = checkpoint('best.safetensors').tensors;
    for (const lose of [() => rmSync(path('best.safetensors')), () => writeOlderBest()]) {
      await lose();
      await runUntil(5);
      expect(checkpoint('best.safetensors').tensors).toEqual(best);
    }
    async function writeOlderBest(): Promise<void> {
      const old = join(root, 'old');
      await runUntil(3, { directory: old });
      copyFileSync(join(old, 'best.safetensors'), path('best.safetensors'));
    }
  });

  it('starts again when there was no checkpoint yet', async () => {
    await runUntil(0);
    expect(existsSync(path('last.safetensors'))).toBe(false);
    appendFileSync(path('metrics.jsonl'), '{"kind":"evaluation"}\n');
    const resumed = await run();
    expect(resumed.history).toEqual((await run({ directory: undefined })).history);
  });
});

describe('checkpoints', () => {
  it('hold weights, optimizer state and position', async () => {
    const { weights } = await run();
    const last = checkpoint('last.safetensors');
    const names = ['w1', 'b1', 'w2', 'b2'];
    expect([...last.tensors.keys()].sort()).toEqual(
      [
        ...names.map((n) => `weights/${n}`),
        ...names.flatMap((n) => [`optimizer/${n}/m`, `optimizer/${n}/v`]),
        'optimizer/step',
      ].sort(),
    );
    expect([...last.tensors.get('optimizer/step')!.data]).toEqual([3 * epochs]);
    expect(names.flatMap((name) => [...(last.tensors.get(`weights/${name}`)!.data as Float32Array)])).toEqual(
      weights,
    );
    const record = JSON.parse(last.metadata.get('primal-attention.training')!) as Record<string, unknown>;
    expect(record).toMatchObject({ epoch: epochs, step: 3 * epochs, best: { epoch: 4, value: 0.9 } });
    expect(record.metricsBytes).toBe(text('metrics.jsonl').length);
    // The best ones are those of epoch 4.
    const early = join(root, 'early');
    await runUntil(5, { directory: early });
    const earlyLast = readSafetensors(readFileSync(join(early, 'last.safetensors'))).tensors;
    for (const [name, { data }] of checkpoint('best.safetensors').tensors)
      expect(data).toEqual(earlyLast.get(name)!.data);
    expect([...checkpoint('best.safetensors').tensors.keys()].sort()).toEqual(
      names.map((n) => `weights/${n}`).sort(),
    );
  });

  it('are loaded into a model, or refused without touching it', async () => {
    const { weights } = await run();
    const model = tinyModel(99);
    const optimizer = new AdamW({ learningRate: 0.1 });
    const before = weightsOf(model.variables);
    const { w1, ...others } = model.variables;
    await expect(loadCheckpoint(path('last.safetensors'), { variables: others })).rejects.toThrow(
      'missing in the file: [], not in the model: [w1]',
    );
    await expect(
      loadCheckpoint(path('last.safetensors'), { variables: { ...others, w1: others.w2 } }),
    ).rejects.toThrow("loadCheckpoint: 'w1' is F32 [3,8] in");
    await expect(
      loadCheckpoint(path('best.safetensors'), { variables: model.variables, optimizer }),
    ).rejects.toThrow('AdamW.loadState');
    expect(weightsOf(model.variables)).toEqual(before);
    await loadCheckpoint(path('last.safetensors'), { variables: model.variables, optimizer });
    expect(weightsOf(model.variables)).toEqual(weights);
    expect(optimizer.iterations).toBe(3 * epochs);
    optimizer.dispose();
    model.dispose();
    w1.dispose();
  });

  it('keep int32 and bool variables, and refuse text', async () => {
    const count = tf.tidy(() => tf.variable(tf.tensor1d([1, 2], 'int32'), false));
    const flag = tf.tidy(() => tf.variable(tf.tensor1d([1, 0], 'bool'), false));
    const file = join(root, 'types.safetensors');
    const { readTensors } = await import('./checkpoint.js');
    await writeCheckpoint(file, {
      weights: await readTensors({ count, flag }),
      metadata: new Map([['note', 'x']]),
    });
    count.assign(tf.tensor1d([0, 0], 'int32'));
    flag.assign(tf.tensor1d([0, 0], 'bool'));
    expect((await loadCheckpoint(file, { variables: { count, flag } })).get('note')).toBe('x');
    expect([...count.dataSync(), ...flag.dataSync()]).toEqual([1, 2, 1, 0]);
    const words = tf.tensor1d(['a']);
    await expect(readTensors({ words })).rejects.toThrow("checkpoint: 'words' is string");
    tf.dispose([count, flag, words]);
  });

  it('may be further apart in time, but for the best and the last', async () => {
    const written: number[] = [];
    const steps = (): number =>
      (checkpoint('last.safetensors').tensors.get('optimizer/step')!.data as Int32Array)[0];
    const evaluate = async (epoch: number): Promise<Record<string, number>> => {
      if (epoch > 0) written.push(steps() / 3);
      return { score: scores[epoch] };
    };
    const spaced = await run({ evaluate, secondsBetweenCheckpoints: 3600 });
    // What was written when the evaluation of epochs 1..6 began: best are 0, 1 and 4.
    expect(written).toEqual([0, 1, 1, 1, 4, 4]);
    expect(steps()).toBe(3 * epochs);
    expect(spaced.weights).toEqual((await run({ directory: undefined })).weights);
  });
});

describe('a damaged folder', () => {
  beforeEach(() => runUntil(5));

  it('with a cut or foreign checkpoint is named, and nothing is overwritten', async () => {
    const intact = readFileSync(path('last.safetensors'));
    truncateSync(path('last.safetensors'), intact.length - 7);
    await expect(run()).rejects.toThrow(/last\.safetensors/);
    writeFileSync(path('last.safetensors'), '');
    await expect(run()).rejects.toThrow(/last\.safetensors/);
    await writeCheckpoint(path('last.safetensors'), { weights: new Map(), metadata: new Map() });
    await expect(run()).rejects.toThrow('is a safetensors file, but not a checkpoint of a run');
    writeFileSync(path('last.safetensors'), intact);
    expect((await run()).epoch).toBe(epochs);
  });

  it('without the last or the best checkpoint is named', async () => {
    const last = readFileSync(path('last.safetensors'));
    rmSync(path('last.safetensors'));
    await expect(run()).rejects.toThrow('has best.safetensors but no last.safetensors to go on from');
    writeFileSync(path('last.safetensors'), last);
    await runUntil(6);
    rmSync(path('best.safetensors'));
    await expect(run()).rejects.toThrow(
      'was best after step 12, but best.safetensors is missing or not of that step',
    );
  });

  it('with a shortened log is named', async () => {
    truncateSync(path('metrics.jsonl'), 10);
    await expect(run()).rejects.toThrow(/metrics\.jsonl has 10 bytes, but the checkpoint .* when it had \d+/);
  });

  it('with a damaged result is named', async () => {
    await run();
    writeFileSync(path('result.json'), '{"configHash":');
    await expect(run()).rejects.toThrow(/result\.json is damaged/);
  });

  it('of another configuration is left alone', async () => {
    const before = text('metrics.jsonl');
    await expect(run({ config: { model: 'other' } })).rejects.toThrow(
      'holds an unfinished run of another configuration',
    );
    await expect(run({ seed: 4 })).rejects.toThrow('results are never overwritten');
    await expect(run({ schedule: () => ({ learningRate: 0.1 }) })).rejects.toThrow('another configuration');
    expect(text('metrics.jsonl')).toBe(before);
  });
});

describe('a finished run', () => {
  it('is not repeated, and never overwritten', async () => {
    const first = await run();
    const files = readdirSync(directory).map((name) => [name, readFileSync(path(name))]);
    const again = await run({ loss: () => expect.unreachable('a finished run was repeated') });
    expect(again.skipped).toBe(true);
    const { skipped: _, weights: __, ...outcome } = again;
    expect(first).toMatchObject(outcome);
    await expect(run({ epochs: epochs - 1 })).rejects.toThrow(
      'holds a finished run of another configuration',
    );
    expect(readdirSync(directory).map((name) => [name, readFileSync(path(name))])).toEqual(files);
  });

  it('says with which configuration', async () => {
    const { configHash } = await run();
    const result = JSON.parse(text('result.json')) as { configHash: string; config: Record<string, unknown> };
    expect(result.configHash).toBe(configHash);
    expect(result.config).toMatchObject({
      ...{ config: { model: 'tiny' }, seed: 3, epochs, batchSize: 4, data: { x: [11, 3], label: [11] } },
      optimizer: { name: 'AdamW', beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
      evaluations: [0, 1, 2, 3, 4, 5, 6],
    });
  });
});
