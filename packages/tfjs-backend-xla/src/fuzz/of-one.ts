import type { Attributes, Known, Op, Scope } from './program.js';

/** An operation on one tensor, whose attributes fit it; none do where `attributes` gives undefined. */
export function ofOne(
  operand: (scope: Scope) => Known,
  attributes: (x: Known, scope: Scope) => Attributes | undefined,
  apply: Op['apply'],
  differentiable: Op['differentiable'] = true,
): Op {
  return {
    differentiable,
    choose: (scope) => {
      const x = operand(scope);
      const attrs = attributes(x, scope);
      return attrs === undefined ? undefined : { operands: [x.ref], attrs };
    },
    apply,
  };
}
