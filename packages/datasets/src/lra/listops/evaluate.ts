import { closing, detokenize, ExpressionError, firstDigit, firstOperator } from './tokens.js';

/** A node of an expression: a digit, or an operator (0 MIN, 1 MAX, 2 MED, 3 SM) over arguments. */
export type ListOpsTree = number | { readonly operator: number; readonly args: readonly ListOpsTree[] };

/** An expression's value and depth. */
export interface Evaluated {
  /** 0 to 9. */
  value: number;
  /** Levels of nodes: 1 for a single digit, 2 for `[MAX 1 2 ]`. */
  depth: number;
}

/**
 * The value of `operator` (0 MIN, 1 MAX, 2 MED, 3 SM) over digits: min, max, the median rounded down (of an even number of
 * arguments the mean of the two middle ones), and the sum modulo 10.
 */
export function applyOperator(
  operator: number,
  args: ArrayLike<number>,
  count: number = args.length,
): number {
  if (operator === 2) return median(args, count);
  let value = args[0];
  for (let i = 1; i < count; i++) {
    if (operator === 3) value += args[i];
    else if (operator === 0 ? args[i] < value : args[i] > value) value = args[i];
  }
  return operator === 3 ? value % 10 : value;
}

const histogram = new Uint32Array(10);

function median(args: ArrayLike<number>, count: number): number {
  histogram.fill(0);
  for (let i = 0; i < count; i++) histogram[args[i]]++;
  const nth = (n: number): number => {
    let digit = 0;
    for (let left = n - histogram[0]; left >= 0; left -= histogram[digit]) digit++;
    return digit;
  };
  return Math.floor((nth((count - 1) >> 1) + nth(count >> 1)) / 2);
}

/**
 * The value and the depth of an expression, given as token ids; padding at its end is skipped.
 *
 * @throws ExpressionError if the ids are no expression: brackets that do not match, an operator without arguments, more than one
 * expression
 */
export function evaluate(ids: ArrayLike<number>): Evaluated {
  let depth = 0;
  const value = fold<number>(
    ids,
    (digit) => digit,
    (operator, args, level) => {
      depth = Math.max(depth, level + 1);
      return applyOperator(operator, args);
    },
  );
  return { value, depth: Math.max(depth, 1) };
}

/** The tree of an expression, given as token ids. @throws ExpressionError, as {@link evaluate} */
export function parseTree(ids: ArrayLike<number>): ListOpsTree {
  return fold<ListOpsTree>(
    ids,
    (digit) => digit,
    (operator, args) => ({ operator, args }),
  );
}

/** Bottom up; `level` is 1 at the root. No recursion: files may hold expressions of any depth. */
function fold<T>(
  ids: ArrayLike<number>,
  leaf: (digit: number) => T,
  node: (operator: number, args: T[], level: number) => T,
): T {
  const open: { operator: number; args: T[] }[] = [];
  let root: { value: T } | undefined;
  const fail = (message: string, position: number): never => {
    const before = detokenize(Array.prototype.slice.call(ids, Math.max(0, position - 4), position + 1));
    throw new ExpressionError(`${message} (token ${position + 1}, after '${before}')`, position + 1);
  };
  const add = (value: T, position: number): void => {
    if (open.length > 0) open[open.length - 1].args.push(value);
    else if (root) fail('a second expression begins', position);
    else root = { value };
  };
  for (let i = 0; i < ids.length && ids[i] !== 0; i++) {
    const id = ids[i];
    if (id === closing) {
      const top = open.pop();
      if (!top) return fail('] closes nothing', i);
      if (top.args.length === 0) fail('the operator has no argument', i);
      add(node(top.operator, top.args, open.length + 1), i);
    } else if (id >= firstOperator && id < closing) open.push({ operator: id - firstOperator, args: [] });
    else if (id >= firstDigit && id < firstOperator) add(leaf(id - firstDigit), i);
    else fail(`${id} is no token id`, i);
  }
  if (open.length > 0) return fail(`${open.length} operators are not closed`, ids.length - 1);
  if (!root) throw new ExpressionError('the expression is empty', 1);
  return root.value;
}
