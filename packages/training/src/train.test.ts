import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEvaluator } from './evaluate.js';
import { AdamW } from './optimizers/adamw.js';
import { RAdam } from './optimizers/radam.js';
import { type ProgressSink, type ProgressState, silentProgress } from './progress/sink.js';
import { oneCycle } from './schedule.js';
import { tinyData, tinyModel, weightsOf } from './testing/tiny-model.js';
import { paperEvaluations, StoppedError, type TrainOptions, type TrainResult, train } from './train.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'primal-train-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

type Options = TrainOptions<'x' | 'label', 'accuracy'>;

/** A whole run of a new model: its result, and its weights at the end. */
async function run(
  change: Partial<Options> = {},
  modelSeed = 1,
): Promise<TrainResult & { weights: number[] }> {
  const model = tinyModel(modelSeed);
  const optimizer = change.optimizer ?? new RAdam({ learningRate: 0.05 });
  const evaluator = createEvaluator(model.metrics);
  try {
    const result = await train({
      ...{ variables: model.variables, optimizer, loss: model.loss, clipNorm: 1, data: tinyData() },
      ...{ batchSize: 4, epochs: 5, seed: 3, progress: silentProgress() },
      evaluate: () => evaluator(tinyData(), 4),
      best: { metric: 'accuracy', mode: 'max' },
      ...change,
    });
    return { ...result, weights: weightsOf(model.variables) };
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}

describe('train', () => {
  it('learns, and reports every epoch and evaluation', async () => {
    const result = await run({ epochs: 30, evaluateAt: paperEvaluations });
    expect(result.step).toBe(30 * 3);
    const epochs = (kind: string) =>
      result.history.filter((line) => line.kind === kind).map((line) => line.epoch);
    expect(epochs('train')).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect(epochs('evaluation')).toEqual([0, 1, ...Array.from({ length: 15 }, (_, i) => 2 * (i + 1))]);
    const losses = result.history
      .filter((line) => line.kind === 'evaluation')
      .map((line) => line.metrics.loss!);
    expect(losses.at(-1)).toBeLessThan(0.5 * losses[0]);
    expect(result.best!.value).toBe(
      Math.max(
        ...result.history.filter((line) => line.kind === 'evaluation').map((line) => line.metrics.accuracy!),
      ),
    );
    expect(result.skipped).toBe(false);
  });

  it('evaluates in odd runs after the last epoch too', () => {
    expect([0, 1, 2, 3, 4, 5].filter((epoch) => paperEvaluations(epoch, 5))).toEqual([0, 1, 2, 4, 5]);
  });

  it('gives the same bits for the same seed, and others for another', async () => {
    const first = await run();
    const second = await run();
    expect(second.weights).toEqual(first.weights);
    expect(second.history).toEqual(first.history);
    const other = await run({ seed: 4 });
    expect(other.weights).not.toEqual(first.weights);
    expect(other.history[0]).toEqual(first.history[0]);
  });

  it('continues after a failure to the same bits', async () => {
    const whole = await run({ directory: join(directory, 'whole') });
    const broken = join(directory, 'broken');
    const evaluate = async (epoch: number): Promise<Record<string, number>> => {
      if (epoch === 4) throw new Error('power cut');
      return { loss: 0, accuracy: 0 };
    };
    const settings = { directory: broken, best: undefined };
    const unbroken = await run({ best: undefined, evaluate: async () => ({ loss: 0, accuracy: 0 }) });
    await expect(run({ ...settings, evaluate })).rejects.toThrow('power cut');
    const resumed = await run({ ...settings, evaluate: async () => ({ loss: 0, accuracy: 0 }) });
    expect(resumed.weights).toEqual(whole.weights);
    expect(resumed.history).toEqual(unbroken.history);
  });

  it('stops when it is asked to, with a checkpoint, and goes on to the same bits', async () => {
    const whole = await run({ directory: join(directory, 'whole') });
    const asked = new AbortController();
    const progress: ProgressSink = {
      ...silentProgress(),
      update: ({ epoch }) => epoch === 3 && asked.abort(),
    };
    // No checkpoint is due before the end.
    const broken = { directory: join(directory, 'broken'), secondsBetweenCheckpoints: 1e6 };
    await expect(run({ ...broken, progress, stop: asked.signal })).rejects.toThrow(StoppedError);
    expect(existsSync(join(directory, 'broken', 'result.json'))).toBe(false);
    const rest = await run(broken);
    expect(rest.weights).toEqual(whole.weights);
    expect(rest.history).toEqual(whole.history);
  });

  it('does not depend on evaluations, checkpoints or files', async () => {
    const plain = await run({ evaluate: undefined, best: undefined });
    const full = await run({ directory });
    expect(full.weights).toEqual(plain.weights);
    expect(full.history.filter((line) => line.kind === 'train')).toEqual(plain.history);
    const lines = readFileSync(join(directory, 'metrics.jsonl'), 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(full.history);
  });

  it('follows a schedule', async () => {
    const schedule = oneCycle({ maxLearningRate: 0.1, totalSteps: 15, warmupSteps: 5 });
    const steps: number[] = [];
    const optimizer = new AdamW({ learningRate: 123 });
    const rates: number[] = [];
    const result = await run({
      optimizer,
      schedule: (step) => {
        steps.push(step);
        return schedule(step);
      },
      evaluate: async () => {
        rates.push(optimizer.learningRate, optimizer.beta1);
        return { accuracy: 0 };
      },
      evaluateAt: (epoch) => epoch === 5,
    });
    // All steps once for the hash of the run, then each before its step.
    const all = Array.from({ length: 15 }, (_, i) => i);
    expect(steps).toEqual([...all, ...all]);
    expect(rates).toEqual([schedule(14).learningRate, schedule(14).beta1]);
    expect(result.weights.every(Number.isFinite)).toBe(true);
  });

  it('weights a smaller last batch by its size', async () => {
    const data = { value: { data: Float32Array.of(10, 10, 9), shape: [3] } };
    const w = tf.tidy(() => tf.variable(tf.scalar(0)));
    const optimizer = new RAdam({ learningRate: 0 });
    const { history } = await train({
      ...{ variables: { w }, optimizer, data, batchSize: 2, epochs: 1, seed: 1, progress: silentProgress() },
      loss: ({ value }) => ({ loss: tf.add(tf.mean(value), w) }),
    });
    expect(history[0].metrics.loss).toBeCloseTo(29 / 3, 6);
    optimizer.dispose();
    w.dispose();
  });

  it('leaves no tensor behind, however it ends', async () => {
    await run({ epochs: 1 });
    const before = tf.memory().numTensors;
    await run({ directory });
    expect(tf.memory().numTensors).toBe(before);
    const evaluate = async (epoch: number): Promise<Record<string, number>> => {
      if (epoch === 2) throw new Error('no more');
      return { accuracy: 0 };
    };
    await expect(run({ evaluate })).rejects.toThrow('no more');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('shows progress, and the last state exactly', async () => {
    const states: ProgressState[] = [];
    const messages: string[] = [];
    let closed = 0;
    const progress: ProgressSink = {
      update: (state) => states.push(state),
      message: (text) => messages.push(text),
      close: () => closed++,
    };
    const { history } = await run({ progress });
    const last = states.at(-1)!;
    const trained = history.filter((line) => line.kind === 'train').at(-1)!;
    expect(last).toMatchObject({ step: 15, totalSteps: 15, epoch: 5, totalEpochs: 5, etaSeconds: 0 });
    expect(last.loss).toBe(trained.metrics.loss);
    expect(last.accuracy).toBe(trained.metrics.accuracy);
    expect(last.stepsPerSecond).toBeGreaterThan(0);
    expect(closed).toBe(1);
    expect(messages.every((text) => /^epoch \d: best accuracy/.test(text))).toBe(true);
  });

  it('checks its options', async () => {
    await expect(run({ epochs: 0 })).rejects.toThrow('train: epochs must be an integer of at least 1, got 0');
    const adam = tf.train.adam(0.1) as unknown as AdamW;
    await expect(run({ optimizer: adam })).rejects.toThrow(
      /train: optimizer must be .*RAdam.*got Adam; .*createTrainStep/,
    );
    await expect(run({ batchSize: 1.5 })).rejects.toThrow(
      'train: batchSize must be an integer of at least 1, got 1.5',
    );
    await expect(run({ seed: 0.5 })).rejects.toThrow('train: seed must be an integer, got 0.5');
    await expect(run({ secondsBetweenCheckpoints: -1 })).rejects.toThrow('secondsBetweenCheckpoints');
    await expect(run({ evaluate: undefined })).rejects.toThrow("best.metric 'accuracy' needs an evaluation");
    await expect(run({ best: { metric: 'f1', mode: 'max' } })).rejects.toThrow(
      "train: best.metric 'f1' is not among what evaluate returned: loss, accuracy",
    );
  });
});

describe('a loss that is not finite', () => {
  /** The learning rate explodes in epoch `at`. */
  const exploding = (at: number): Partial<Options> => ({
    clipNorm: undefined,
    schedule: (step) => ({ learningRate: step >= 3 * (at - 1) ? 3e38 : 0.01 }),
  });

  it('stops the run, names epoch and step, and leaves the last good checkpoint', async () => {
    const error = await run({ ...exploding(3), directory }).then(
      () => undefined,
      (reason: unknown) => reason as Error & { epoch: number; step: number },
    );
    expect(error?.name).toBe('NonFiniteError');
    expect(error?.epoch).toBe(3);
    expect(error?.step).toBeGreaterThan(6);
    expect(error?.step).toBeLessThanOrEqual(9);
    expect(error?.message).toContain(`epoch 3, step ${error?.step}`);
    // The run can go on from epoch 2, and meets the same end.
    const messages: string[] = [];
    const progress = { ...silentProgress(), message: (text: string) => messages.push(text) };
    await expect(run({ ...exploding(3), directory, progress })).rejects.toThrow(error!.message);
    expect(messages).toContain('resuming after epoch 2 of 5');
  });

  it('is found in the weights after the last step too', async () => {
    const data = { value: { data: Float32Array.of(1), shape: [1] } };
    const w = tf.tidy(() => tf.variable(tf.scalar(1)));
    const optimizer = new RAdam({ learningRate: 1 });
    // The gradient of sqrt at 0 is infinite, the loss itself is 0.
    const loss = ({ value }: { value: tf.Tensor }) => ({
      loss: tf.sqrt(tf.mean(tf.mul(tf.sub(value, 1), w))),
    });
    const settings = { variables: { w }, optimizer, data, loss, batchSize: 1, epochs: 1, seed: 1, directory };
    await expect(train({ ...settings, progress: silentProgress() })).rejects.toThrow(
      "train: after epoch 1, step 1, the weight 'w' holds NaN or infinity",
    );
    optimizer.dispose();
    w.dispose();
  });

  it('may be allowed to go on', async () => {
    const { history } = await run({ ...exploding(2), onNonFinite: 'continue' });
    const train = history.filter((line) => line.kind === 'train');
    expect(train).toHaveLength(5);
    expect(train[0].metrics.loss).toEqual(expect.any(Number));
    expect(train.at(-1)!.metrics.loss).toBeNull();
  });
});
