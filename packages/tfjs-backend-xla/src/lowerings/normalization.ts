import { util } from '@tensorflow/tfjs-core';
import type { FunctionBuilder, Value } from '../hlo/function-builder.js';
import { lower } from './table.js';

/** x - max(x), so that the exponentials cannot overflow. */
function centred(b: FunctionBuilder, x: Value, axis: unknown): [Value, number[]] {
  const axes = util.parseAxisParam(axis as number, x.type.shape as number[]);
  return [b.binary('subtract', x, b.reduce('maximum', x, axes, true)), axes];
}

lower('Softmax', (b, { logits }, { dim }) => {
  const [x, axes] = centred(b, logits, dim);
  const weights = b.unary('exponential', x);
  return b.binary('divide', weights, b.reduce('add', weights, axes, true));
});

lower('LogSoftmax', (b, { logits }, { axis }) => {
  const [x, axes] = centred(b, logits, axis);
  return b.binary('subtract', x, b.unary('log', b.reduce('add', b.unary('exponential', x), axes, true)));
});

lower('FusedBatchNorm', (b, { x, mean, variance, scale, offset }, { varianceEpsilon }) => {
  const epsilon = b.constant((varianceEpsilon as number | undefined) ?? 0.001, 'f32');
  const inverse = b.unary('rsqrt', b.binary('add', variance, epsilon));
  const normalised = b.binary('multiply', b.binary('subtract', x, mean), inverse);
  const scaled = scale === undefined ? normalised : b.binary('multiply', normalised, scale);
  return offset === undefined ? scaled : b.binary('add', scaled, offset);
});
