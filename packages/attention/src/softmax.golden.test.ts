import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { maskModes, softmaxAttention } from './softmax.js';
import { expectLoss, expectSection, goldenTensor, loadGolden } from './testing/golden.js';

const cases = await loadGolden('softmax');

/** [B, H, N, p] in the files, heads first here; its own inverse. */
const swap = <T extends tf.Tensor>(x: T): T => tf.transpose(x, [1, 0, 2, 3]) as T;

test('there are two cases', () => {
  expect(cases.map(({ name }) => name).sort()).toEqual(['mask', 'nomask']);
});

describe.each(maskModes.map((maskMode) => ({ maskMode })))('maskMode $maskMode', ({ maskMode }) => {
  test.each(cases.map((golden) => [golden.name, golden] as const))('%s', async (_name, golden) => {
    const [q, k, v] = ['q', 'k', 'v'].map((name) => tf.variable(goldenTensor(golden, `in.${name}`)));
    const mask = golden.config.masked ? (goldenTensor(golden, 'in.mask') as tf.Tensor2D) : undefined;
    const forward = (): tf.Tensor =>
      swap(
        softmaxAttention(swap(q as tf.Tensor4D), swap(k as tf.Tensor4D), swap(v as tf.Tensor4D), {
          mask,
          maskMode,
        }).output,
      );
    const w = goldenTensor(golden, 'w');
    const { value, grads } = tf.variableGrads(() => tf.sum(tf.mul(forward(), w)), [q, k, v]);
    await expectSection(golden, 'out', { output: forward() });
    await expectLoss(golden, 'loss', value);
    await expectSection(golden, 'grad', {
      'in.q': grads[q.name],
      'in.k': grads[k.name],
      'in.v': grads[v.name],
    });
  });
});
