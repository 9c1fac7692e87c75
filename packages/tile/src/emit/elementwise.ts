import { type Dtype, isFloat, isHalf } from '../language/dtype.js';
import type { BinaryName, ComparisonName, ReductionName } from '../language/op.js';

type Kind = 'float' | 'signed' | 'unsigned';

function kindOf(dtype: Dtype): Kind {
  if (isFloat(dtype)) return 'float';
  return dtype === 'int32' ? 'signed' : 'unsigned';
}

const binaryOps: Record<BinaryName, Partial<Record<Kind, string>>> = {
  add: { float: 'addf', signed: 'addi', unsigned: 'addi' },
  sub: { float: 'subf', signed: 'subi', unsigned: 'subi' },
  mul: { float: 'mulf', signed: 'muli', unsigned: 'muli' },
  div: { float: 'divf', signed: 'divsi', unsigned: 'divui' },
  rem: { signed: 'remsi', unsigned: 'remui' },
  // The forms that keep NaN.
  maximum: { float: 'maximumf', signed: 'maxsi', unsigned: 'maxui' },
  minimum: { float: 'minimumf', signed: 'minsi', unsigned: 'minui' },
  and: { signed: 'andi', unsigned: 'andi' },
  or: { signed: 'ori', unsigned: 'ori' },
  xor: { signed: 'xori', unsigned: 'xori' },
  shl: { signed: 'shli', unsigned: 'shli' },
  shr: { signed: 'shrsi', unsigned: 'shrui' },
};

/** The operation of dialect `arith`. */
export function binaryOp(name: BinaryName, dtype: Dtype): string {
  const op = binaryOps[name][kindOf(dtype)];
  if (op === undefined) throw new Error(`emit: ${name} has no form for ${dtype}`);
  return `arith.${op}`;
}

const reductions: Record<ReductionName, BinaryName> = { sum: 'add', max: 'maximum', min: 'minimum' };

/** What combines two elements of a reduction. */
export function reductionOp(name: ReductionName, dtype: Dtype): string {
  return binaryOp(reductions[name], dtype);
}

const orders: Record<ComparisonName, Record<Kind, string>> = {
  equal: { float: 'oeq', signed: 'eq', unsigned: 'eq' },
  notEqual: { float: 'une', signed: 'ne', unsigned: 'ne' },
  less: { float: 'olt', signed: 'slt', unsigned: 'ult' },
  lessEqual: { float: 'ole', signed: 'sle', unsigned: 'ule' },
  greater: { float: 'ogt', signed: 'sgt', unsigned: 'ugt' },
  greaterEqual: { float: 'oge', signed: 'sge', unsigned: 'uge' },
};

/** The operation with its predicate. */
export function comparisonOp(name: ComparisonName, dtype: Dtype): string {
  const kind = kindOf(dtype);
  return `${kind === 'float' ? 'arith.cmpf' : 'arith.cmpi'} ${orders[name][kind]}`;
}

/** The operation that makes `to` of `from`; none where the bits are the same. */
export function castOp(from: Dtype, to: Dtype): string | undefined {
  if (isFloat(from) && isFloat(to)) return isHalf(to) ? 'arith.truncf' : 'arith.extf';
  if (isFloat(from)) return to === 'int32' ? 'arith.fptosi' : 'arith.fptoui';
  if (isFloat(to)) return from === 'int32' ? 'arith.sitofp' : 'arith.uitofp';
  return from === 'bool' ? 'arith.extui' : undefined;
}
