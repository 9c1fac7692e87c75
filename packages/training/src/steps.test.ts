import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSafetensors } from '@primal-attention/safetensors';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BatchStream } from './batch-stream.js';
import { AdamW } from './optimizers/adamw.js';
import { type ProgressState, silentProgress } from './progress/sink.js';
import { oneCycle } from './schedule.js';
import { tinyData, tinyModel, weightsOf } from './testing/tiny-model.js';
import { type TrainOptions, type TrainResult, train } from './train.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'primal-steps-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

type Options = TrainOptions<'x' | 'label', 'accuracy'>;
const samples = 11;
const batchSize = 4;
const steps = { total: 60, every: 12 };

async function run(change: Partial<Options> = {}): Promise<TrainResult & { weights: number[] }> {
  const model = tinyModel();
  const optimizer = new AdamW({ learningRate: 0.05 });
  try {
    const result = await train({
      ...{ variables: model.variables, optimizer, loss: model.loss, data: tinyData(samples) },
      ...{ batchSize, steps, seed: 3, progress: silentProgress() },
      schedule: oneCycle({ maxLearningRate: 0.1, totalSteps: steps.total, warmupSteps: 10 }),
      evaluate: async (_, step) => ({ score: Math.sin(step) }),
      best: { metric: 'score', mode: 'max' },
      ...change,
    });
    return { ...result, weights: weightsOf(model.variables) };
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}

describe('a training by steps', () => {
  it('has a line and an evaluation each so many steps, and none before', async () => {
    const { history, step, epoch, best } = await run();
    const stepsOf = (kind: string): number[] =>
      history.filter((line) => line.kind === kind).map((line) => line.step);
    expect(stepsOf('train')).toEqual([12, 24, 36, 48, 60]);
    expect(stepsOf('evaluation')).toEqual([12, 24, 36, 48, 60]);
    expect({ step, epoch }).toEqual({ step: 60, epoch: Math.floor((60 * batchSize) / samples) });
    // sin is largest at 60 rad among these.
    const scores = [12, 24, 36, 48, 60].map((at) => Math.sin(at));
    const at = 12 * (scores.indexOf(Math.max(...scores)) + 1);
    expect(best).toMatchObject({ step: at, value: Math.sin(at) });
  });

  it('takes the batches of an endless stream', async () => {
    const seen: number[] = [];
    const data = { value: { data: Int32Array.from({ length: 5 }, (_, i) => i), shape: [5] } };
    const w = tf.tidy(() => tf.variable(tf.scalar(0)));
    const optimizer = new AdamW({ learningRate: 0 });
    const { history } = await train({
      ...{ variables: { w }, optimizer, data, batchSize: 3, seed: 9, steps: { total: 7, every: 1 } },
      progress: silentProgress(),
      loss: ({ value }) => ({ loss: tf.add(tf.mean(tf.square(value)), w) }),
    });
    const stream = new BatchStream({ samples: 5, batchSize: 3, seed: 9, remainder: 'carry' });
    for (const [i, { metrics }] of history.entries()) {
      const squares = [...stream.at(i)].map((value) => value ** 2);
      expect(metrics.loss).toBeCloseTo(squares.reduce((a, b) => a + b) / 3, 5);
      seen.push(...stream.at(i));
    }
    expect(history).toHaveLength(7);
    for (let i = 0; i + 5 <= seen.length; i += 5)
      expect(seen.slice(i, i + 5).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
    optimizer.dispose();
    w.dispose();
  });

  it('trains the same as epochs of the same batches', async () => {
    const common = { evaluate: undefined, best: undefined };
    const byEpochs = await run({ ...common, steps: undefined, epochs: 20 });
    const bySteps = await run({ ...common, steps: { total: 60, every: 3, remainder: 'keep' } });
    expect(bySteps.weights).toEqual(byEpochs.weights);
    expect(bySteps.history).toEqual(byEpochs.history);
  });

  it('shows its steps', async () => {
    const states: ProgressState[] = [];
    const messages: string[] = [];
    await run({
      progress: { update: (state) => states.push(state), message: (m) => messages.push(m), close: () => {} },
    });
    expect(states.at(-1)).toMatchObject({
      step: 60,
      totalSteps: 60,
      epoch: 22,
      totalEpochs: 22,
      etaSeconds: 0,
    });
    expect(messages[0]).toMatch(/^step 12: best score/);
  });

  it('checks its options', async () => {
    await expect(run({ epochs: 3 })).rejects.toThrow('train: give either epochs or steps, got epochs 3 and');
    await expect(run({ steps: undefined })).rejects.toThrow('give either epochs or steps');
    await expect(run({ steps: { total: 60, every: 7 } })).rejects.toThrow(
      'train: steps.every must divide steps.total, got 7 and 60',
    );
    await expect(run({ steps: { total: 0, every: 1 } })).rejects.toThrow('train: steps.total must be');
    await expect(run({ evaluateAt: () => true })).rejects.toThrow('train: evaluateAt goes with epochs');
    await expect(run({ precision: 'half' as 'bf16' })).rejects.toThrow('train: precision must be one of');
  });
});

describe('a run that is told to stop', () => {
  /** Ends with a checkpoint, at whatever step it was seen. */
  async function stopped(change: Partial<Options>): Promise<number> {
    const error = await run({ directory, ...change }).then(
      () => undefined,
      (reason: unknown) => reason as Error & { step: number },
    );
    expect(error?.name, error?.message).toBe('StoppedError');
    return error!.step;
  }
  const lastStep = (): number => {
    const { tensors } = readSafetensors(readFileSync(join(directory, 'last.safetensors')));
    return (tensors.get('optimizer/step')!.data as Int32Array)[0];
  };
  const metrics = (): string => readFileSync(join(directory, 'metrics.jsonl'), 'utf8');

  it('keeps what it has within a stretch and within an evaluation, and goes on to the same bits', async () => {
    const whole = await run();
    // Each read gives the signal a chance; the clock is not part of what decides.
    const within = new AbortController();
    const schedule = oneCycle({ maxLearningRate: 0.1, totalSteps: steps.total, warmupSteps: 10 });
    const slowly = (step: number) => {
      // Step 17 is after the line of step 12; the loop looks at the signal each tenth of a second.
      if (step === 17 && !within.signal.aborted) {
        within.abort();
        const until = performance.now() + 120;
        while (performance.now() < until);
      }
      return schedule(step);
    };
    // The schedule is called for all steps at first, for the hash: abort only in the loop.
    let calls = 0;
    const step = await stopped({
      stop: within.signal,
      schedule: (at) => (calls++ < steps.total ? schedule(at) : slowly(at)),
    });
    expect(step).toBe(18);
    expect(lastStep()).toBe(18);
    expect(metrics().trim().split('\n')).toHaveLength(2);

    const during = new AbortController();
    const evaluate = async (_: number, at: number): Promise<Record<string, number>> => {
      if (at === 36) {
        during.abort(new Error('told to stop'));
        during.signal.throwIfAborted();
      }
      return { score: Math.sin(at) };
    };
    expect(await stopped({ stop: during.signal, evaluate })).toBe(36);
    expect(lastStep()).toBe(36);

    const resumed = await run({ directory });
    expect(resumed.weights).toEqual(whole.weights);
    expect(resumed.history).toEqual(whole.history);
    expect(resumed.best).toEqual(whole.best);
  });

  it('keeps nothing before the first step', async () => {
    const stop = AbortSignal.abort();
    expect(await stopped({ stop })).toBe(0);
    await expect(run({ stop })).rejects.toThrow('train: stopped after step 0 of 60; nothing was kept');
  });
});
