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
  const names = new Map<DataValue, string>();
  for (const [i, input] of program.inputs.entries()) names.set(input, `%in${i}`);
  const lines: string[] = [];
  for (const [i, node] of program.nodes.entries()) {
    const { fragment } = node;
    let name = functions.get(fragment);
    if (name === undefined) {
      name = `@${fragment.kernel.replaceAll(/\W/g, '_')}_${functions.size}`;
      functions.set(fragment, name);
    }
    const operands = node.operands.map((operand) => names.get(operand)!).join(', ');
    if (node.results.length === 1) names.set(node.results[0], `%v${i}`);
    else for (const [k, result] of node.results.entries()) names.set(result, `%v${i}#${k}`);
    const results = node.results.length === 1 ? `%v${i}` : `%v${i}:${node.results.length}`;
    lines.push(`    ${results} = func.call ${name}(${operands}) : ${fragment.signature}\n`);
  }
  const parameters = program.inputs.map((input, i) => {
    const alias = donations.get(i);
    return `%in${i}: ${input.type.text}${alias === undefined ? '' : ` {tf.aliasing_output = ${alias} : i32}`}`;
  });
  const types = program.outputs.map((output) => output.type.text).join(', ');
  const bodies = [...functions].map(([fragment, name]) => `  func.func private ${name}${fragment.body}\n`);
  return (
    `module @program {\n  func.func public @main(${parameters.join(', ')}) -> (${types}) {\n${lines.join('')}` +
    `    return ${program.outputs.map((output) => names.get(output)!).join(', ')}${types === '' ? '' : ` : ${types}`}\n  }\n${bodies.join('')}}\n`
  );
}
