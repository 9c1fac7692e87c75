import { tileCall } from '../tile/call.js';
import type { TileProgram } from '../tile/program.js';
import { listOf, lowerOn } from './table.js';

/** A kernel in Triton IR; its inputs are a list. */
lowerOn('cuda', 'TileCall', (b, inputs, { program }) => tileCall(b, program as TileProgram, listOf(inputs)));
