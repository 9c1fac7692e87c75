// How far results in each precision are from exact ones: matrix products from float64, and a whole model's logits, loss
// and gradients from its float32 run.
import '@primal-attention/tfjs-backend-xla';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ksvdLoss, withLosses } from '@primal-attention/attention';
import { provenance, writeWhole } from '@primal-attention/experiment';
import { type AttentionKind, lraClassifier, namedWeights } from '@primal-attention/models';
import {
  autocast,
  jit,
  RandomStream,
  randomKey,
  useBackend,
  withMatmulPrecision,
  withRandomKey,
} from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';

const mechanisms: readonly AttentionKind[] = ['primal', 'softmax'];
const vocabulary = 260;
const classes = 2;

const { values: options } = parseArgs({
  options: {
    mechanism: { type: 'string', default: 'primal' },
    length: { type: 'string', default: '1024' },
    batch: { type: 'string', default: '4' },
    seed: { type: 'string', default: '666' },
    save: { type: 'boolean', default: false },
  },
});
const [length, batch, seed] = [options.length, options.batch, options.seed].map(Number);
const mechanism = mechanisms.find((name) => name === options.mechanism);
if (mechanism === undefined || ![length, batch, seed].every((n) => Number.isInteger(n) && n > 0)) {
  console.error(
    `usage: precision.js [--mechanism ${mechanisms.join('|')}] [--length N] [--batch N] [--seed N] [--save]`,
  );
  process.exit(2);
}

/** What is compared: products alone in a precision, or activations too. */
const settings: Record<string, <R>(fn: () => R) => R> = {
  float32: (fn) => withMatmulPrecision('float32', fn),
  tf32: (fn) => withMatmulPrecision('tf32', fn),
  bf16: (fn) => withMatmulPrecision('bf16', fn),
  'autocast bf16': (fn) => autocast('bf16', fn),
};

const norm = (values: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return Math.sqrt(sum);
};
/** ||actual - exact|| / ||exact||. */
function relativeError(actual: ArrayLike<number>, exact: ArrayLike<number>): number {
  return norm(Float64Array.from(actual, (value, i) => value - exact[i])) / norm(exact);
}
function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let dot = 0;
  for (let i = 0; i < a.length; i++) dot += a[i] * b[i];
  return dot / (norm(a) * norm(b));
}

/** A product of standard normal numbers, [rows, depth] and [depth, columns], against float64. */
function productErrors(depth: number): Record<string, unknown>[] {
  const [rows, columns] = [64, 64];
  const stream = new RandomStream(seed, `product/${depth}`);
  const draw = (size: number): Float32Array => Float32Array.from({ length: size }, () => stream.normal());
  const [a, b] = [draw(rows * depth), draw(depth * columns)];
  const exact = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < depth; k++) {
      const value = a[i * depth + k];
      for (let j = 0; j < columns; j++) exact[i * columns + j] += value * b[k * columns + j];
    }
  }
  const [left, right] = [tf.tensor2d(a, [rows, depth]), tf.tensor2d(b, [depth, columns])];
  const lines = Object.entries(settings).map(([precision, within]) => {
    const result = within(() => tf.matMul(left, right));
    const actual = result.dataSync() as Float32Array;
    result.dispose();
    const largest = actual.reduce((most, value, i) => Math.max(most, Math.abs(value - exact[i])), 0);
    return {
      quantity: 'matrix product',
      shape: [rows, depth, columns],
      reference: 'float64',
      precision,
      relativeError: relativeError(actual, exact),
      // The products' sum has the standard deviation sqrt(depth).
      largestError: largest / Math.sqrt(depth),
    };
  });
  tf.dispose([left, right]);
  return lines;
}

interface StepValues {
  readonly logits: Float32Array;
  readonly loss: number;
  readonly gradients: Record<string, Float32Array>;
}

/** Logits, loss and gradients of the classifier in training (dropout as it is, the same masks), by precision. */
function modelErrors(kind: AttentionKind): Record<string, unknown>[] {
  const model = lraClassifier({
    ...{ vocabulary, maxLength: length, classes, attention: [kind, kind], seed },
    ...(kind === 'primal' && { rank: 20 }),
  });
  const weights = namedWeights(model);
  const variables = Object.values(weights);
  const stream = new RandomStream(seed, 'tokens');
  const ids = tf.tensor2d(
    Int32Array.from({ length: batch * length }, () => 1 + Math.floor(stream.uniform() * (vocabulary - 1))),
    [batch, length],
    'int32',
  );
  const labels = tf.oneHot(
    tf.tensor1d(
      Int32Array.from({ length: batch }, (_, i) => i % classes),
      'int32',
    ),
    classes,
  );
  const key = randomKey(seed);
  const run = (within: <R>(fn: () => R) => R, forwardOnly: boolean): StepValues => {
    const forward = (): { output: tf.Tensor; losses: ReturnType<typeof withLosses>['losses'] } =>
      withLosses(() => model.apply(ids, { training: true }) as tf.Tensor);
    const step = jit(() => {
      let logits: tf.Tensor | undefined;
      const loss = (): tf.Scalar => {
        const { output, losses } = forwardOnly ? within(forward) : forward();
        logits = tf.keep(output.clone());
        const crossEntropy = tf.losses.softmaxCrossEntropy(tf.cast(labels, 'float32'), output);
        return tf.add(crossEntropy, tf.mul(0.1, ksvdLoss(losses, { reduction: 'batch' })));
      };
      const { value, grads } = withRandomKey(key, () => tf.variableGrads(loss, variables));
      return { value, grads, logits: logits as tf.Tensor };
    });
    const { value, grads, logits } = forwardOnly ? step() : within(step);
    const values = {
      logits: logits.dataSync() as Float32Array,
      loss: value.dataSync()[0],
      gradients: Object.fromEntries(
        Object.entries(weights).map(([name, { name: id }]) => [name, grads[id].dataSync() as Float32Array]),
      ),
    };
    tf.dispose([value, grads, logits]);
    return values;
  };
  const exact = run(settings.float32, false);
  const names = Object.keys(exact.gradients);
  const all = ({ gradients }: StepValues): Float32Array =>
    Float32Array.from(names.flatMap((name) => [...gradients[name]]));
  const exactAll = all(exact);
  return Object.entries(settings)
    .filter(([precision]) => precision !== 'float32')
    .map(([precision, within]) => {
      // Products keep their precision through the backward pass only inside; an autocast's storage does so by itself.
      const actual = run(within, precision.startsWith('autocast'));
      const cosines = names.map((name) => cosine(actual.gradients[name], exact.gradients[name]));
      const worst = cosines.indexOf(Math.min(...cosines));
      return {
        quantity: `${kind} classifier`,
        shape: [batch, length],
        reference: 'float32',
        precision,
        logits: relativeError(actual.logits, exact.logits),
        loss: Math.abs(actual.loss / exact.loss - 1),
        gradient: relativeError(all(actual), exactAll),
        gradientCosine: cosine(all(actual), exactAll),
        worstWeight: names[worst],
        worstWeightCosine: cosines[worst],
      };
    });
}

await useBackend('xla');
const origin = provenance();
const products = [64, 1024, 16384].flatMap(productErrors);
const models = modelErrors(mechanism);
const lines = [...products, ...models].map((line) => ({ ...line, seed, ...origin }));
const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
process.stdout.write(text);

const scientific = (value: unknown): string => (value as number).toExponential(1).padStart(9);
console.log(`\nMatrix products against float64, ||error|| / ||exact||; ${origin.device}`);
for (const { precision, shape, relativeError: error } of products) {
  console.log(
    `  ${String(precision).padEnd(14)} depth ${String((shape as number[])[1]).padEnd(6)}${scientific(error)}`,
  );
}
console.log(`\nThe ${mechanism} classifier, [${batch}, ${length}], against its float32 run, relative errors`);
console.log(
  `  ${'precision'.padEnd(14)}   logits     loss gradient  1 - cosine of the worst weight's gradient`,
);
for (const line of models) {
  const { precision, logits, loss, gradient, worstWeight, worstWeightCosine } = line as Record<
    string,
    unknown
  >;
  console.log(
    `  ${String(precision).padEnd(14)}${[logits, loss, gradient].map(scientific).join('')}` +
      `${scientific(1 - (worstWeightCosine as number))} (${worstWeight})`,
  );
}
if (options.save) {
  const device = (tf.backend() as unknown as { client: { platformName: string } }).client.platformName;
  const results = join(dirname(dirname(fileURLToPath(import.meta.url))), 'results');
  writeWhole(join(results, `precision-${mechanism}-${device}.jsonl`), text);
}
