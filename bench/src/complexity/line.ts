import { LayerUnderTest } from '../attention/layer.js';
import { layerCase } from '../attention/settings.js';
import { fitGrowth, type GrowthFit } from './fit.js';

/** The forward pass, or a step: forward and backward. */
export const parts = ['forward', 'step'] as const;
export type Part = (typeof parts)[number];
export const quantities = ['flops', 'bytes'] as const;
export type Quantity = (typeof quantities)[number];

/** A mechanism's line of the results. */
export interface ComplexityLine {
  readonly mechanism: string;
  /** That of the longest sequence. */
  readonly config: Record<string, unknown>;
  readonly features: number;
  readonly heads: number;
  readonly batch: number;
  readonly seed: number;
  readonly lengths: number[];
  /** Floating-point operations of our graph; transcendental functions count apart, and are not here. */
  readonly flops: Record<Part, number[]>;
  /** Arguments + results - aliased + temporary of the compiled program. */
  readonly bytes: Record<Part, number[]>;
  /** Of the lengths from {@link fitFrom} on. */
  readonly fits: Record<Quantity, Record<Part, GrowthFit>>;
}

/** Below, windows, ranks and landmarks are cut to the sequence, and the mechanism is another one. */
const fitFrom = 512;

export function complexityLine(mechanism: string, lengths: readonly number[], seed: number): ComplexityLine {
  const counted: Record<Quantity, Record<Part, number[]>> = {
    flops: { forward: [], step: [] },
    bytes: { forward: [], step: [] },
  };
  const batch = 1;
  const caseOf = (length: number) =>
    layerCase(mechanism, batch, seed, { length, device: 'cpu', precision: 'float32' });
  for (const length of lengths) {
    const layer = new LayerUnderTest(caseOf(length));
    for (const part of parts) {
      const { flops, memory } = layer.costOf(part);
      counted.flops[part].push(flops);
      counted.bytes[part].push(memory.total);
    }
    layer.dispose();
  }
  const from = lengths.findIndex((length) => length >= fitFrom);
  const fit = (quantity: Quantity, part: Part): GrowthFit =>
    fitGrowth(lengths.slice(from), counted[quantity][part].slice(from));
  const { config, features, heads } = caseOf(Math.max(...lengths));
  return {
    ...{ mechanism, config, features, heads, batch, seed, lengths: [...lengths] },
    ...counted,
    fits: {
      flops: { forward: fit('flops', 'forward'), step: fit('flops', 'step') },
      bytes: { forward: fit('bytes', 'forward'), step: fit('bytes', 'step') },
    },
  };
}
