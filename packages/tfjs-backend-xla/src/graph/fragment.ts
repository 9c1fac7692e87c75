import { byteSize } from '@primal-attention/pjrt';
import type { Cost } from '../hlo/cost.js';
import { FunctionBuilder, type Value } from '../hlo/function-builder.js';
import type { TensorType } from '../hlo/types.js';
import type { Program } from './program.js';

/**
 * One kernel at one combination of input types and attributes, as a StableHLO function.
 *
 * A graph holds references to fragments, so recording a kernel costs one look-up: shapes and text were worked out when
 * the combination was first seen. A program contains each of its fragments once and calls it; XLA inlines the calls.
 */
export interface Fragment {
  readonly id: number;
  /** The kernel, for messages. */
  readonly kernel: string;
  readonly results: readonly TensorType[];
  readonly parameters: readonly TensorType[];
  /** The function's text, without its name. It calls fragment `callees[i]` by the name `@{i}`. */
  readonly body: string;
  readonly callees: readonly Fragment[];
  /** Set when the fragment is a loop: `trips` runs of a program. */
  readonly loop?: Loop;
  /** `(types) -> (types)` of a call. */
  readonly signature: string;
  /** What one call computes, and the bytes of its operands and results. */
  readonly cost: Cost;
}

export interface Loop {
  readonly body: Program;
  readonly trips: number;
}

const fragments = new Map<string, Fragment>();

/** The fragment of a combination; `write` is called when it is new. */
export function fragmentOf(
  key: string,
  kernel: string,
  parameters: readonly TensorType[],
  write: (b: FunctionBuilder) => Value | Value[],
  extra: Partial<Pick<Fragment, 'callees' | 'loop'>> = {},
): Fragment {
  let fragment = fragments.get(key);
  if (fragment === undefined) {
    const builder = new FunctionBuilder(parameters);
    const written = write(builder);
    const values = Array.isArray(written) ? written : [written];
    const results = values.map((value) => value.type);
    const moved = [...parameters, ...results].reduce(
      (sum, { element, shape }) => sum + byteSize(element, shape),
      0,
    );
    const resultText = results.map((type) => type.text).join(', ');
    fragment = {
      id: fragments.size,
      kernel,
      results,
      parameters,
      body:
        `(${builder.parameters.map((p) => `${p.name}: ${p.type.text}`).join(', ')}) -> (${resultText}) {\n` +
        `${builder.lines.map((line) => `    ${line}\n`).join('')}` +
        `    return ${values.map((value) => value.name).join(', ')} : ${resultText}\n  }`,
      cost: { ...builder.cost, bytes: builder.cost.bytes + moved },
      signature: `(${parameters.map((type) => type.text).join(', ')}) -> (${resultText})`,
      callees: extra.callees ?? [],
      loop: extra.loop,
    };
    fragments.set(key, fragment);
  }
  return fragment;
}
