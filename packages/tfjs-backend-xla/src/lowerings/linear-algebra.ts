import { backend_util } from '@tensorflow/tfjs-core';
import type { FunctionBuilder, Value } from '../hlo/function-builder.js';
import { activation } from './elementwise.js';
import { lower, NotLowered } from './table.js';

/**
 * a b over the last two dimensions, with the leading ones broadcast. A dimension that only one side has becomes a free
 * dimension of the product, so that nothing is copied to broadcast it.
 */
function batchMatMul(
  b: FunctionBuilder,
  x: Value,
  y: Value,
  transposeX: boolean,
  transposeY: boolean,
): Value {
  const rank = Math.max(x.type.shape.length, y.type.shape.length);
  const innerX = x.type.shape.at(transposeX ? -2 : -1);
  const innerY = y.type.shape.at(transposeY ? -1 : -2);
  if (Math.min(x.type.shape.length, y.type.shape.length) < 2 || innerX !== innerY) {
    throw new Error(
      `matMul: inner dimensions do not match: shapes [${x.type.shape}] and [${y.type.shape}], transposeA ${transposeX}, ` +
        `transposeB ${transposeY}`,
    );
  }
  const pad = (value: Value): Value =>
    b.reshape(value, [...new Array<number>(rank - value.type.shape.length).fill(1), ...value.type.shape]);
  let [left, right] = [pad(x), pad(y)];
  const outer = rank - 2;
  const batching: number[] = [];
  const onlyLeft: number[] = [];
  const onlyRight: number[] = [];
  for (let i = 0; i < outer; i++) {
    const [m, n] = [left.type.shape[i], right.type.shape[i]];
    if (m === n) batching.push(i);
    else if (n === 1) onlyLeft.push(i);
    else if (m === 1) onlyRight.push(i);
    else throw new Error(`matMul: shapes [${x.type.shape}] and [${y.type.shape}] do not broadcast`);
  }
  const drop = (value: Value, dims: readonly number[]): [Value, number[]] => {
    const kept = value.type.shape.flatMap((_, i) => (dims.includes(i) ? [] : [i]));
    return [
      b.reshape(
        value,
        kept.map((i) => value.type.shape[i]),
      ),
      kept,
    ];
  };
  let leftDims: number[];
  let rightDims: number[];
  [left, leftDims] = drop(left, onlyRight);
  [right, rightDims] = drop(right, onlyLeft);
  const [rows, depth] = transposeX ? [rank - 1, rank - 2] : [rank - 2, rank - 1];
  const [depthY, columns] = transposeY ? [rank - 1, rank - 2] : [rank - 2, rank - 1];
  const product = b.dotGeneral(
    left,
    right,
    [[leftDims.indexOf(depth)], [rightDims.indexOf(depthY)]],
    [batching.map((i) => leftDims.indexOf(i)), batching.map((i) => rightDims.indexOf(i))],
  );
  // Where each dimension of the product belongs: -2 stands for the rows, -1 for the columns.
  const order = [
    ...batching,
    ...leftDims.filter((i) => !batching.includes(i) && i !== depth).map((i) => (i === rows ? outer : i)),
    ...rightDims
      .filter((i) => !batching.includes(i) && i !== depthY)
      .map((i) => (i === columns ? outer + 1 : i)),
  ];
  const permutation = Array.from({ length: rank }, (_, to) => order.indexOf(to));
  return b.transpose(product, permutation);
}

lower('BatchMatMul', (b, { a, b: c }, { transposeA, transposeB }) =>
  batchMatMul(b, a, c, transposeA as boolean, transposeB as boolean),
);

lower('_FusedMatMul', (b, { a, b: c, bias, preluActivationWeights }, attrs) => {
  const product = batchMatMul(b, a, c, attrs.transposeA as boolean, attrs.transposeB as boolean);
  const shifted = bias === undefined ? product : b.binary('add', product, bias);
  const name = (attrs.activation as string | undefined) ?? 'linear';
  return activation(
    b,
    shifted,
    name,
    preluActivationWeights,
    (attrs.leakyreluAlpha as number | undefined) ?? 0.2,
  );
});

lower('Einsum', (b, inputs, { equation }) => {
  const operands = Object.values(inputs);
  const { allDims, summedDims, idDims } = backend_util.decodeEinsumEquation(
    equation as string,
    operands.length,
  );
  backend_util.checkEinsumDimSizes(
    allDims.length,
    idDims,
    operands.map((value) => ({ shape: value.type.shape })) as never,
  );
  if (idDims.some((dims) => new Set(dims).size !== dims.length))
    throw new NotLowered('repeated einsum index');
  const wanted = allDims.flatMap((_, i) => (summedDims.includes(i) ? [] : [i]));
  let [value, dims] = [operands[0], [...idDims[0]]];
  for (let k = 1; k < operands.length; k++) {
    const other = idDims[k];
    const later = idDims.slice(k + 1).flat();
    const needed = (dim: number): boolean => wanted.includes(dim) || later.includes(dim);
    const shared = dims.filter((dim) => other.includes(dim));
    const batch = shared.filter(needed);
    const contracted = shared.filter((dim) => !needed(dim));
    const at = (list: readonly number[], ids: readonly number[]): number[] =>
      ids.map((dim) => list.indexOf(dim));
    value = b.dotGeneral(
      value,
      operands[k],
      [at(dims, contracted), at(other, contracted)],
      [at(dims, batch), at(other, batch)],
    );
    dims = [
      ...batch,
      ...dims.filter((dim) => !shared.includes(dim)),
      ...other.filter((dim) => !shared.includes(dim)),
    ];
  }
  const extra = dims.flatMap((dim, i) => (wanted.includes(dim) ? [] : [i]));
  value = b.reduce('add', value, extra);
  dims = dims.filter((dim) => wanted.includes(dim));
  return b.transpose(
    value,
    wanted.map((dim) => dims.indexOf(dim)),
  );
});
