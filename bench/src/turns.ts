import { MachineUse } from './machine-use.js';
import type { Round } from './peer.js';

/** A program that can be timed in rounds. */
export interface Contender {
  readonly peer: { round(): Promise<Round> };
}

/** What one program took: milliseconds per step, by round. */
export interface Times<C extends Contender> {
  readonly contestant: C;
  readonly ms: number[][];
  readonly overheadMs: number[];
}

/** Lets the programs take turns, one round each, and watches what others take of the machine meanwhile. */
export async function takeTurns<C extends Contender>(
  contestants: readonly C[],
  rounds: number,
): Promise<{ times: Times<C>[]; others: number }> {
  const times = contestants.map((contestant): Times<C> => ({ contestant, ms: [], overheadMs: [] }));
  const cpuMs = new Map<C, number>();
  const use = new MachineUse();
  for (let round = 0; round < rounds; round++) {
    for (const { contestant, ms, overheadMs } of times) {
      const result = await contestant.peer.round();
      ms.push(result.ms);
      overheadMs.push(...(result.overheadMs ?? []));
      cpuMs.set(contestant, result.cpuMs);
    }
  }
  const ours = [...cpuMs.values()].reduce((sum, value) => sum + value, 0);
  return { times, others: use.shareOfOthers(ours) };
}
