import { Buffer } from 'node:buffer';

/**
 * The 15 token types, `types[id - 1]`; id 0 is padding. The published ids come from the order of a Python set, which differs
 * from run to run, so that any fixed order will do; this is ours.
 */
export const tokenTypes = [
  ...['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  ...['[MIN', '[MAX', '[MED', '[SM'],
  ']',
] as const;

/** Ids of the digits 0 to 9 are 1 to 10. */
export const firstDigit = 1;
/** Ids of MIN, MAX, MED and SM, in this order, are 11 to 14. */
export const firstOperator = 11;
/** Id of the closing bracket, the last one. */
export const closing = 15;
/** The operators as the files write them, in the order of their codes. */
export const operatorNames = ['MIN', 'MAX', 'MED', 'SM'] as const;
/** A name of an operator. */
export type OperatorName = (typeof operatorNames)[number];

const idOf: ReadonlyMap<string, number> = new Map(tokenTypes.map((type, index) => [type, index + 1]));

/** Why an expression is refused; `column` counts characters from 1. */
export class ExpressionError extends Error {
  constructor(
    message: string,
    readonly column: number,
  ) {
    super(message);
  }
}

/**
 * Token ids of an expression.
 *
 * The published pipeline drops parentheses (they only repeat the tree that the brackets already give) and splits at blanks;
 * operators keep their bracket, as in `[MAX`. We also split closing brackets that stand without a blank (`2]]`), read `X`, which
 * the published pipeline writes for `]`, and the name `[MEDIAN` for `[MED`. Anything else is refused.
 *
 * @param expression text, or its bytes
 * @throws ExpressionError
 */
export function tokenize(expression: string | Uint8Array): Uint8Array {
  const bytes = typeof expression === 'string' ? Buffer.from(expression, 'utf8') : expression;
  const ids = new Uint8Array(bytes.length);
  let count = 0;
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at];
    if (separates(byte)) {
      at++;
    } else if (byte === bracket) {
      ids[count++] = closing;
      at++;
    } else {
      const start = at;
      while (at < bytes.length && !separates(bytes[at]) && bytes[at] !== bracket) at++;
      const isDigit = at === start + 1 && byte >= zero && byte < zero + 10;
      ids[count++] = isDigit ? firstDigit + byte - zero : wordId(bytes, start, at);
    }
  }
  if (count === 0) throw new ExpressionError('the expression is empty', 1);
  return ids.slice(0, count);
}

const zero = 0x30;
const bracket = 0x5d;

/** Blank, tab, and parentheses. */
const separates = (byte: number): boolean => byte === 0x20 || byte === 0x28 || byte === 0x29 || byte === 0x09;

function wordId(bytes: Uint8Array, start: number, end: number): number {
  const word = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
  const id = idOf.get(word === 'X' ? ']' : word === '[MEDIAN' ? '[MED' : word);
  if (id !== undefined) return id;
  const shown = word.length > 20 ? `${word.slice(0, 20)}…` : word;
  throw new ExpressionError(
    `'${shown}' is no token; tokens are 0 to 9, [MIN, [MAX, [MED, [SM and ]`,
    start + 1,
  );
}

/** The expression that the ids stand for, without parentheses; padding is left out. */
export function detokenize(ids: ArrayLike<number>): string {
  const words: string[] = [];
  for (let i = 0; i < ids.length; i++) if (ids[i] !== 0) words.push(tokenTypes[ids[i] - 1]);
  return words.join(' ');
}
