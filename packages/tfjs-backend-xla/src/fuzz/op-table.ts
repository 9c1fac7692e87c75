import { binaryOps, unaryOps } from './ops-elementwise.js';
import { gatherOps } from './ops-gather.js';
import { imageOps } from './ops-image.js';
import { linearOps } from './ops-linear.js';
import { reductionOps } from './ops-reduction.js';
import { shapeOps } from './ops-shape.js';
import type { Op } from './program.js';

/** Families in the order of how a program picks: a family first, then an operation of it. */
export const families: readonly (readonly [weight: number, ops: Readonly<Record<string, Op>>])[] = [
  [4, unaryOps],
  [4, binaryOps],
  [4, reductionOps],
  [5, shapeOps],
  [2, linearOps],
  [2, gatherOps],
  [1, imageOps],
];

/** All operations that programs are made of. */
export const opTable: ReadonlyMap<string, Op> = new Map(families.flatMap(([, ops]) => Object.entries(ops)));
