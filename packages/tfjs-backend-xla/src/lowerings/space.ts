import { backend_util, util } from '@tensorflow/tfjs-core';
import { lower, NotLowered } from './table.js';

// Kernels that move blocks of space to other dimensions, and what else only rearranges elements.

lower('SpaceToBatchND', (b, { x }, attrs) => {
  const blockShape = attrs.blockShape as number[];
  const paddings = attrs.paddings as [number, number][];
  const product = util.sizeFromShape(blockShape);
  const around = x.type.shape.map((_, i) => paddings[i - 1] ?? [0, 0]);
  const padded = b.pad(
    x,
    b.like(x, 0),
    around.map(([low]) => low),
    around.map(([, high]) => high),
  );
  const shape = padded.type.shape as number[];
  const blocks = b.reshape(padded, backend_util.getReshaped(shape, blockShape, product, false));
  const moved = b.transpose(
    blocks,
    backend_util.getPermuted(blocks.type.shape.length, blockShape.length, false),
  );
  return b.reshape(moved, backend_util.getReshapedPermuted(shape, blockShape, product, false));
});

lower('BatchToSpaceND', (b, { x }, attrs) => {
  const blockShape = attrs.blockShape as number[];
  const crops = attrs.crops as number[][];
  const product = util.sizeFromShape(blockShape);
  const shape = x.type.shape as number[];
  const blocks = b.reshape(x, backend_util.getReshaped(shape, blockShape, product));
  const moved = b.transpose(blocks, backend_util.getPermuted(blocks.type.shape.length, blockShape.length));
  const merged = backend_util.getReshapedPermuted(shape, blockShape, product);
  const cropped = merged.map((_, i) => crops[i - 1] ?? [0, 0]);
  return b.slice(
    b.reshape(moved, merged),
    cropped.map(([low]) => low),
    cropped.map(([, high], i) => merged[i] - high),
  );
});

/** [n, h, w, s s c] -> [n, h s, w s, c] */
lower('DepthToSpace', (b, { x }, attrs) => {
  if (attrs.dataFormat !== 'NHWC') throw new NotLowered(`depthToSpace in ${attrs.dataFormat}`);
  const block = attrs.blockSize as number;
  const [batch, height, width, depth] = x.type.shape;
  const channels = depth / (block * block);
  const split = b.reshape(x, [batch, height, width, block, block, channels]);
  return b.reshape(b.transpose(split, [0, 1, 3, 2, 4, 5]), [batch, height * block, width * block, channels]);
});

/** Padding by the mirror image, with the edge itself (symmetric) or without it (reflect). */
lower('MirrorPad', (b, { x }, { paddings, mode }) => {
  const edge = mode === 'reflect' ? 1 : 0;
  return (paddings as [number, number][]).reduce((value, [before, after], dimension) => {
    const { shape } = value.type;
    const length = shape[dimension];
    const mirrored = (from: number, to: number) => {
      const begin = shape.map((_, i) => (i === dimension ? from : 0));
      const end = shape.map((n, i) => (i === dimension ? to : n));
      return b.reverse(b.slice(value, begin, end), [dimension]);
    };
    const parts = [value];
    if (before > 0) parts.unshift(mirrored(edge, edge + before));
    if (after > 0) parts.push(mirrored(length - edge - after, length - edge));
    return b.concatenate(parts, dimension);
  }, x);
});

/** The elements on the diagonal of a matrix of zeros, whose rows and columns have the input's shape each. */
lower('Diag', (b, { x }) => {
  const size = util.sizeFromShape(x.type.shape as number[]);
  const onDiagonal = b.compare('EQ', b.iota('i32', [size, size], 0), b.iota('i32', [size, size], 1));
  const matrix = b.select(onDiagonal, b.reshape(x, [1, size]), b.like(x, 0));
  return b.reshape(matrix, [...x.type.shape, ...x.type.shape]);
});
