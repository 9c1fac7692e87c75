import { isInteger } from '../language/dtype.js';
import type { Block, Op } from '../language/op.js';

/**
 * Floating-point operations of one program: 2 m n k for a product, one for each addition, multiplication, division, maximum
 * and comparison, n - 1 for a sum of n. Values of exp, exp2, log, erf, sqrt and rsqrt, and all of integers, count nothing.
 *
 * @param trips of loops whose trip count is known only on the device
 * @returns undefined where there is such a loop and no trips are given
 */
export function flopsOf(block: Block, trips?: number): number | undefined {
  let flops = 0;
  for (const op of block.ops) {
    const more = flopsOfOp(op, trips);
    if (more === undefined) return undefined;
    flops += more;
  }
  return flops;
}

function flopsOfOp(op: Op, trips?: number): number | undefined {
  switch (op.kind) {
    case 'binary':
      return op.result.dtype === 'float32' ? op.result.size : 0;
    case 'comparison':
      return isInteger(op.left.dtype) ? 0 : op.result.size;
    case 'unary':
      return op.result.dtype === 'float32' && (op.name === 'neg' || op.name === 'abs') ? op.result.size : 0;
    case 'reduction':
      return op.operand.dtype === 'float32' ? op.operand.size - op.result.size : 0;
    case 'dot':
      return 2 * op.result.size * op.left.shape[1] + (op.accumulator === undefined ? 0 : op.result.size);
    case 'loop': {
      const once = flopsOf(op.body, trips);
      if (once === 0) return 0;
      const rounds = op.trips ?? trips;
      return once === undefined || rounds === undefined ? undefined : once * rounds;
    }
    default:
      return 0;
  }
}
