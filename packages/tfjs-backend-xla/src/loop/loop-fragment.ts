import { type Fragment, fragmentOf } from '../graph/fragment.js';
import { type Program, writeCalls } from '../graph/program.js';
import { programCost } from '../graph/program-cost.js';
import type { DataValue } from '../graph/values.js';
import { scaleCost } from '../hlo/cost.js';
import type { FunctionBuilder, Value } from '../hlo/function-builder.js';
import { type TensorType, tensorType } from '../hlo/types.js';

export interface LoopForm {
  readonly trips: number;
  /** From the last slice to the first. */
  readonly reverse: boolean;
  /** How many inputs of the body, after the index, are carried from step to step. */
  readonly carries: number;
  /** How many inputs, after those, are slices of stacked arrays. The rest is the same in each step. */
  readonly slices: number;
}

/**
 * A loop as one StableHLO function: (carries, stacked arrays, invariants) -> (carries, stacked results).
 *
 * @param body inputs: index, carries, slices, invariants; outputs: carries, results of the step
 */
export function loopFragment(body: Program, form: LoopForm): Fragment {
  const { trips, reverse, carries, slices } = form;
  const types = body.inputs.slice(1).map((input, i) => {
    const stacked = i >= carries && i < carries + slices;
    return stacked ? stackedType(input.type, trips) : input.type;
  });
  // The body's key tells kernels, types, constants and wiring apart.
  const key = `While|${trips}|${reverse}|${carries}|${slices}|${body.key}`;
  const callees = [...new Set(body.nodes.map(({ fragment }) => fragment))];
  return fragmentOf(key, 'While', types, (b) => writeLoop(b, body, form, callees), {
    callees,
    loop: { body, trips },
  });
}

function stackedType(type: TensorType, trips: number): TensorType {
  return tensorType(type.element, [trips, ...type.shape]);
}

function writeLoop(
  b: FunctionBuilder,
  body: Program,
  { trips, reverse, carries, slices }: LoopForm,
  callees: readonly Fragment[],
): Value[] {
  const results = body.outputs.slice(carries).map(({ type }) => {
    const stacked = stackedType(type, trips);
    return b.constant(type.element === 'i1' ? false : 0, stacked.element, stacked.shape);
  });
  if (trips === 0) return [...b.parameters.slice(0, carries), ...results];

  b.count(scaleCost(programCost(body), trips));
  // What the loop holds from step to step: the count, carries, results so far; and, unchanged, all that the body reads.
  const state = [
    b.constant(0, 'i32'),
    ...b.parameters.slice(0, carries),
    ...results,
    ...b.parameters.slice(carries),
  ];
  const firstResult = 1 + carries;
  const firstSlice = firstResult + results.length;
  const firstInvariant = firstSlice + slices;
  const lines: string[] = [];
  let count = 0;
  const emit = (text: string): string => {
    const name = `%s${count++}`;
    lines.push(`${name} = ${text}`);
    return name;
  };
  const scalar = tensorType('i32', []).text;
  const zero = emit(`stablehlo.constant dense<0> : ${scalar}`);
  const one = emit(`stablehlo.constant dense<1> : ${scalar}`);
  let place = '%c0';
  if (reverse) {
    const last = emit(`stablehlo.constant dense<${trips - 1}> : ${scalar}`);
    place = emit(`stablehlo.subtract ${last}, %c0 : ${scalar}`);
  }
  /** The position of a slice of an array of this rank: its place, then zeros; with the types. */
  const position = (rank: number): [string, string] => [
    [place, ...new Array<string>(rank - 1).fill(zero)].join(', '),
    new Array<string>(rank).fill(scalar).join(', '),
  ];
  const names = new Map<DataValue, string>();
  for (const [i, input] of body.inputs.entries()) {
    if (i === 0) names.set(input, place);
    else if (i <= carries) names.set(input, `%c${i}`);
    else if (i <= carries + slices) {
      const at = firstSlice + i - 1 - carries;
      const { type } = state[at];
      const part = tensorType(type.element, [1, ...input.type.shape]).text;
      const [start, startTypes] = position(type.shape.length);
      const slice = emit(
        `stablehlo.dynamic_slice %c${at}, ${start}, sizes = [${[1, ...input.type.shape].join(', ')}] : ` +
          `(${type.text}, ${startTypes}) -> ${part}`,
      );
      names.set(input, emit(`stablehlo.reshape ${slice} : (${part}) -> ${input.type.text}`));
    } else names.set(input, `%c${firstInvariant + i - 1 - carries - slices}`);
  }
  lines.push(...writeCalls(body, names, (fragment) => `@{${callees.indexOf(fragment)}}`));
  const next = [emit(`stablehlo.add %c0, ${one} : ${scalar}`)];
  for (const [i, output] of body.outputs.entries()) {
    const name = names.get(output)!;
    if (i < carries) {
      next.push(name);
      continue;
    }
    const at = firstResult + i - carries;
    const { type } = state[at];
    const part = tensorType(type.element, [1, ...output.type.shape]).text;
    const [start, startTypes] = position(type.shape.length);
    const row = emit(`stablehlo.reshape ${name} : (${output.type.text}) -> ${part}`);
    next.push(
      emit(
        `stablehlo.dynamic_update_slice %c${at}, ${row}, ${start} : (${type.text}, ${part}, ${startTypes}) -> ${type.text}`,
      ),
    );
  }
  for (let i = firstSlice; i < state.length; i++) next.push(`%c${i}`);

  const types = state.map(({ type }) => type.text).join(', ');
  const text =
    `stablehlo.while(${state.map(({ name }, i) => `%c${i} = ${name}`).join(', ')}) : ${types}\n` +
    '     cond {\n' +
    `      %trips = stablehlo.constant dense<${trips}> : ${scalar}\n` +
    `      %more = stablehlo.compare LT, %c0, %trips : (${scalar}, ${scalar}) -> tensor<i1>\n` +
    '      stablehlo.return %more : tensor<i1>\n' +
    '     } do {\n' +
    lines.map((line) => `      ${line}\n`).join('') +
    `      stablehlo.return ${next.join(', ')} : ${types}\n` +
    '     }';
  const values = b.emitMany(
    text,
    state.map(({ type }) => type),
  );
  return values.slice(1, firstSlice);
}
