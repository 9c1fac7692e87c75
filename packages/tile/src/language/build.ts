import { misuse } from './caller.js';
import type { Block, Op } from './op.js';

/** Where operations go now: one kernel is written at a time. */
let current: Block | undefined;

/** The block being written. */
export function currentBlock(operation: string): Block {
  if (current === undefined)
    throw misuse(operation, 'there is no kernel being written; call it inside kernel(...)');
  return current;
}

/** Adds an operation to the block being written. */
export function append(op: Op): void {
  currentBlock(op.kind).ops.push(op);
}

/** Runs `write` with a new block, inside the one being written or, for a kernel, on its own. */
export function writeBlock<T>(parent: Block | undefined, write: () => T): { block: Block; made: T } {
  const before = current;
  const block: Block = { ops: [], ...(parent && { parent }) };
  current = block;
  try {
    return { block, made: write() };
  } finally {
    current = before;
  }
}

/** Whether a value made in `block` exists where `at` is written. */
export function isVisible(block: Block, at: Block): boolean {
  for (let b: Block | undefined = at; b !== undefined; b = b.parent) if (b === block) return true;
  return false;
}
