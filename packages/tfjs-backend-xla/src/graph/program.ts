import type { Fragment } from './fragment.js';
import type { Graph, Node } from './graph.js';
import { type DataValue, PendingValue } from './values.js';

/** The part of a graph that some outputs need, with its inputs, ready to be compiled. */
export interface Program {
  /** Values that the program reads, in the order of its arguments. */
  readonly inputs: readonly DataValue[];
  readonly outputs: readonly DataValue[];
  readonly nodes: readonly Node[];
  /** Equal for programs of equal structure: kernels, types, constants and wiring, but not the values of inputs. */
  readonly key: string;
}

/**
 * Cuts out what `outputs` need.
 *
 * @param fixedInputs values that come first in the argument list, whether they are used or not
 */
export function extractProgram(
  graph: Graph,
  outputs: readonly DataValue[],
  fixedInputs: readonly DataValue[] = [],
): Program {
  const needed = new Uint8Array(graph.nodes.length);
  const isRecorded = (value: DataValue): value is PendingValue & { node: Node } =>
    value instanceof PendingValue && value.graph === graph;
  for (const output of outputs) if (isRecorded(output)) needed[output.node.index] = 1;
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    if (needed[i] === 0) continue;
    for (const operand of graph.nodes[i].operands) if (isRecorded(operand)) needed[operand.node.index] = 1;
  }
  const inputs = [...fixedInputs];
  const inputIndex = new Map<DataValue, number>(inputs.map((value, i) => [value, i]));
  const position = new Map<Node, number>();
  const nodes: Node[] = [];
  const parts: string[] = [];
  const reference = (value: DataValue): string => {
    if (isRecorded(value)) return `${position.get(value.node)}.${value.result}`;
    let index = inputIndex.get(value);
    if (index === undefined) {
      index = inputs.length;
      inputs.push(value);
      inputIndex.set(value, index);
    }
    return `i${index}`;
  };
  for (let i = 0; i < graph.nodes.length; i++) {
    if (needed[i] === 0) continue;
    const node = graph.nodes[i];
    let part = `${node.fragment.id}(`;
    for (const operand of node.operands) part += `${reference(operand)},`;
    parts.push(part);
    position.set(node, nodes.length);
    nodes.push(node);
  }
  const results = outputs.map(reference).join(',');
  const types = inputs.map((value) => value.type.text).join(',');
  return { inputs, outputs, nodes, key: `${parts.join(';')}|${types}|${results}` };
}

/**
 * The program as a StableHLO module.
 *
 * @param donations index of the output whose memory may be that of an input, by the input's index
 */
export function emitModule(program: Program, donations: ReadonlyMap<number, number> = new Map()): string {
  const functions = new Map<Fragment, string>();
  const bodies: string[] = [];
  const nameOf = (fragment: Fragment): string => {
    let name = functions.get(fragment);
    if (name === undefined) {
      name = `@${fragment.kernel.replaceAll(/\W/g, '_')}_${functions.size}`;
      functions.set(fragment, name);
      const body = fragment.body.replaceAll(/@\{(\d+)\}/g, (_, i) => nameOf(fragment.callees[Number(i)]));
      bodies.push(`  func.func private ${name}${body}\n`);
    }
    return name;
  };
  const names = new Map<DataValue, string>();
  for (const [i, input] of program.inputs.entries()) names.set(input, `%in${i}`);
  const lines = writeCalls(program, names, nameOf, cutsBetween(program.outputs, names)).map(
    (line) => `    ${line}\n`,
  );
  const parameters = program.inputs.map((input, i) => {
    const alias = donations.get(i);
    return `%in${i}: ${input.type.text}${alias === undefined ? '' : ` {tf.aliasing_output = ${alias} : i32}`}`;
  });
  const types = program.outputs.map((output) => output.type.text).join(', ');
  const results = program.outputs.map((output) => names.get(output)!).join(', ');
  return (
    `module @program {\n  func.func public @main(${parameters.join(', ')}) -> (${types}) {\n${lines.join('')}` +
    `    return ${results === '' ? '' : `${results} : ${types}`}\n  }\n${bodies.join('')}}\n`
  );
}

/**
 * How many results of a program may be computed from each other in a row without a cut between them.
 *
 * XLA for CPU merges what leads to a result into one function, and computes cheap operations again in each function that
 * needs them. When every link of a chain is a result, function n contains the whole chain up to n: 100 links took 5 s to
 * compile, 400 minutes. A result is in memory anyway, so what follows may as well read it. Optimizers update a few
 * results from each other (moments, then weights): those stay below the limit and keep their one pass over memory.
 */
const maxResultsInRow = 4;

/** Lines that cut after a node whose results stand too far along a row of results; names of what was cut change. */
function cutsBetween(
  results: readonly DataValue[],
  names: Map<DataValue, string>,
): (node: Node, i: number) => string[] {
  const outputs = new Set(results);
  /** Results in a row up to a value, since the last cut. */
  const inRow = new Map<DataValue, number>();
  return (node, i) => {
    const lines: string[] = [];
    const before = node.operands.reduce((most, operand) => Math.max(most, inRow.get(operand) ?? 0), 0);
    for (const [k, result] of node.results.entries()) {
      if (!outputs.has(result) || before < maxResultsInRow) {
        inRow.set(result, outputs.has(result) ? before + 1 : before);
        continue;
      }
      const cut = `%cut${i}_${k}`;
      lines.push(`${cut} = stablehlo.optimization_barrier ${names.get(result)} : ${result.type.text}`);
      names.set(result, cut);
    }
    return lines;
  };
}

/**
 * A call per node of a program, in order.
 *
 * @param names of the program's inputs; those of its nodes' results are added
 * @param after lines that follow a node's call
 */
export function writeCalls(
  program: Program,
  names: Map<DataValue, string>,
  nameOf: (fragment: Fragment) => string,
  after: (node: Node, i: number) => readonly string[] = () => [],
): string[] {
  return program.nodes.flatMap((node, i) => {
    const { fragment, operands, results } = node;
    const list = operands.map((operand) => names.get(operand)!).join(', ');
    if (results.length === 1) names.set(results[0], `%v${i}`);
    else for (const [k, result] of results.entries()) names.set(result, `%v${i}#${k}`);
    const given = results.length === 1 ? `%v${i}` : `%v${i}:${results.length}`;
    return [`${given} = func.call ${nameOf(fragment)}(${list}) : ${fragment.signature}`, ...after(node, i)];
  });
}
