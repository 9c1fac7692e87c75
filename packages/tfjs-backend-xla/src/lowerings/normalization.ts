import { util } from '@tensorflow/tfjs-core';
import type { FunctionBuilder, Value } from '../hlo/function-builder.js';
import { reduceWindow } from '../hlo/windows.js';
import { type Attributes, lower } from './table.js';

/** x - max(x), so that the exponentials cannot overflow. */
function centred(b: FunctionBuilder, logits: Value, axis: unknown): [Value, number[]] {
  // The maximum must be one of the numbers that it is taken from.
  const x = b.asStored(logits);
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

/** The sum over the channels that are at most `depthRadius` away. */
function sumOfNeighbours(b: FunctionBuilder, x: Value, depthRadius: number): Value {
  const last = x.type.shape.length - 1;
  const windows = x.type.shape.map((_, i) => {
    const radius = i === last ? depthRadius : 0;
    return { size: 2 * radius + 1, stride: 1, dilation: 1, low: radius, high: radius };
  });
  return reduceWindow(b, 'add', x, b.constant(0, 'f32'), windows, x.type.shape);
}

/** bias + α Σ x², the base of local response normalisation. */
function responseNorm(b: FunctionBuilder, x: Value, { depthRadius, bias, alpha }: Attributes): Value {
  const sum = sumOfNeighbours(b, b.binary('multiply', x, x), depthRadius as number);
  return b.binary('add', b.binary('multiply', sum, b.like(x, alpha as number)), b.like(x, bias as number));
}

/** x / (bias + α Σ x²)^β */
lower('LRN', (b, { x }, attrs) => {
  const norm = responseNorm(b, x, attrs);
  return b.binary('multiply', x, b.binary('power', norm, b.like(x, -(attrs.beta as number))));
});

/** dx = dy / norm^β - 2 α β x Σ dy y / norm */
lower('LRNGrad', (b, { x, y, dy }, attrs) => {
  const norm = responseNorm(b, x, attrs);
  const beta = attrs.beta as number;
  const own = b.binary('multiply', dy, b.binary('power', norm, b.like(x, -beta)));
  const others = sumOfNeighbours(
    b,
    b.binary('divide', b.binary('multiply', dy, y), norm),
    attrs.depthRadius as number,
  );
  const slope = b.like(x, 2 * (attrs.alpha as number) * beta);
  return b.binary('subtract', own, b.binary('multiply', slope, b.binary('multiply', x, others)));
});
