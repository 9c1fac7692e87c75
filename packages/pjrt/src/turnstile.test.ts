import { describe, expect, it } from 'vitest';
import { Turnstile } from './turnstile.js';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('Turnstile', () => {
  it('lets so many in, the others in their order, and goes on after failures', async () => {
    const turnstile = new Turnstile(3);
    const started: number[] = [];
    let inside = 0;
    let most = 0;
    const task = async (i: number) => {
      started.push(i);
      most = Math.max(most, ++inside);
      for (let k = 0; k <= i % 3; k++) await turn();
      inside--;
      if (i % 4 === 1) throw new Error(`failure ${i}`);
      return i;
    };
    const call = (i: number) => turnstile.pass(() => task(i));
    const calls = Array.from({ length: 20 }, (_, i) => call(i));
    expect(started).toEqual([0, 1, 2]);
    await turn();
    // Later ones queue behind those that wait already.
    calls.push(...Array.from({ length: 20 }, (_, i) => call(20 + i)));
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map((o) => (o.status === 'fulfilled' ? o.value : (o.reason as Error).message))).toEqual(
      calls.map((_, i) => (i % 4 === 1 ? `failure ${i}` : i)),
    );
    expect(started).toEqual(calls.map((_, i) => i));
    expect(most).toBe(3);
    // All places are free again.
    const again = [call(40), call(42), call(43)];
    expect(started.slice(40)).toEqual([40, 42, 43]);
    await Promise.all(again);
  });
});
