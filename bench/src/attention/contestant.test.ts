import { describe, expect, test } from 'vitest';
import { Peer } from '../peer.js';
import { Contestant, ProgramFailure } from './contestant.js';
import type { RoundRequest } from './protocol.js';

const request: RoundRequest = { steps: 2, stepsPerRead: 1 };

/** A program in JavaScript, and how often it was started. */
function contestant(code: string, secondsAtMost = 60): { program: Contestant; starts: () => number } {
  let starts = 0;
  const start = (): Peer => {
    starts++;
    return new Peer(process.execPath, ['-e', code]);
  };
  return { program: new Contestant('theirs', start, secondsAtMost), starts: () => starts };
}

describe('Contestant', () => {
  test('hands requests on, to one and the same process', async () => {
    const { program, starts } = contestant(`
      require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
        console.log(JSON.stringify({ ms: [JSON.parse(line).steps], cpuMs: 1 }));
      });`);
    expect(await program.round(request)).toEqual({ ms: [2], cpuMs: 1 });
    expect(await program.round({ ...request, steps: 3 })).toEqual({ ms: [3], cpuMs: 1 });
    await program.end();
    expect(starts()).toBe(1);
  });

  test.each([
    ['ends', '', /ended without an answer/],
    [
      'says that it cannot',
      `process.stdin.once('data', () => console.log('{"failure":"too large"}'))`,
      /^too large$/,
    ],
  ])('one that %s has failed, and is started again for the next request', async (_, code, message) => {
    const { program, starts } = contestant(code);
    for (const attempt of [1, 2]) {
      const failure = await program.round(request).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(ProgramFailure);
      expect(failure).toMatchObject({ program: 'theirs', message: expect.stringMatching(message) });
      expect(starts()).toBe(attempt);
    }
    program.kill();
  });

  test('one that does not answer is given up', async () => {
    const { program } = contestant('setInterval(() => {}, 1000)', 0.2);
    await expect(program.round(request)).rejects.toThrow('more than 0.2 s');
  });
});
