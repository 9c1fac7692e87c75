import type { Fragment } from './fragment.js';
import { type DataValue, PendingValue } from './values.js';

/** One recorded kernel. Its operands come before it in the graph. */
export interface Node {
  readonly fragment: Fragment;
  readonly operands: readonly DataValue[];
  readonly results: PendingValue[];
  /** Position in the graph. */
  readonly index: number;
}

/** Kernels in the order of their recording, which is a topological order. */
export class Graph {
  readonly nodes: Node[] = [];
  /** Bytes of all results, an upper bound for what running the graph as it stands could take. */
  bytes = 0;

  add(fragment: Fragment, operands: readonly DataValue[]): PendingValue[] {
    const results: PendingValue[] = [];
    const node: Node = { fragment, operands, results, index: this.nodes.length };
    for (let i = 0; i < fragment.results.length; i++) {
      const value = new PendingValue(fragment.results[i], this, node, i);
      results.push(value);
      this.bytes += value.byteSize;
    }
    this.nodes.push(node);
    return results;
  }
}
