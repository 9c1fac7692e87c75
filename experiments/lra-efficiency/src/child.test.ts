import { describe, expect, test } from 'vitest';
import { askChild, ChildFailure } from './child.js';
import { peerOutcome } from './peers.js';

/** A program of a few lines, asked for three answers. */
const ask = (code: string, seconds = 60) =>
  askChild({
    command: process.execPath,
    args: ['--input-type=module', '--eval', code],
    ...{ env: { PRIMAL_TEST: 'heard' }, answers: 3, input: 'go\n', seconds },
  });

/** One that speaks as the peers do: two lines, and one for each line that it reads. */
const peer = `
  const say = (value) => console.log(JSON.stringify(value));
  say({ loss: 0.7, firstStepMs: 3, compilation: null });
  console.log('not for us');
  say({ parameters: 5, peakBytes: 64, peakBytesSource: "PyTorch's allocator", versions: { torch: 'x' } });
  process.stdin.on('data', (line) => say({ ms: [1, 9, 2], loss: 0.6, line: String(line), env: process.env.PRIMAL_TEST }));
`;

describe('a program that is asked', () => {
  test('gives its answers and ends when its input does', async () => {
    const answers = await ask(peer);
    expect(answers.map(({ value }) => value)).toMatchObject([
      { loss: 0.7 },
      { parameters: 5 },
      { line: 'go\n', env: 'heard' },
    ]);
    expect(answers[0].ms).toBeGreaterThan(0);
    expect(peerOutcome(answers.map(({ value }) => value) as never, answers[0].ms)).toMatchObject({
      ...{ msPerStep: 2, msReads: [1, 9, 2], loss: 0.7, parameters: 5, flops: null },
      ...{ devicePeakBytes: 64, peakBytesSource: "PyTorch's allocator", programBytes: null },
    });
  });

  test('a peer whose compiler counts the memory has not measured it', () => {
    const ready = { parameters: 5, peakBytes: 64, peakBytesSource: 'the compiled program', versions: {} };
    const first = { loss: 0.7, compilation: { milliseconds: 8 } };
    const outcome = peerOutcome([first, ready, { ms: [3] }], 100);
    expect(outcome).toMatchObject({ devicePeakBytes: null, programBytes: 64, compileMs: 8 });
    expect(outcome.peakBytesSource).toBeUndefined();
  });

  test.each([
    [
      'says why it failed',
      `console.log('{"failure": "out of memory\\\\nat its own file"}')`,
      /^out of memory$/,
    ],
    [
      'ends with a status',
      "console.error('first'); console.error('last'); process.exit(3)",
      /status 3: last$/,
    ],
    [
      'is ended',
      "process.kill(process.pid, 'SIGKILL'); await new Promise(() => setTimeout(() => {}, 1e6))",
      /SIGKILL/,
    ],
    ['ends early', '', /status 0: it said nothing/],
    ['says NaN', `console.log('{"loss": NaN}')`, /said \{"loss": NaN\}/],
  ])('%s', async (_what, code, message) => {
    await expect(ask(code)).rejects.toThrow(message);
    await expect(ask(code)).rejects.toMatchObject({ late: false });
  });

  test('is killed when its time is over', async () => {
    const start = performance.now();
    const asked = ask('setTimeout(() => {}, 1e6)', 0.5);
    await expect(asked).rejects.toMatchObject({ late: true });
    await expect(asked).rejects.toBeInstanceOf(ChildFailure);
    expect(performance.now() - start).toBeGreaterThan(400);
  });

  test('that is not there is a failure that names it', async () => {
    const asked = askChild({ command: '/nonexistent/python', args: [], env: {}, answers: 1, seconds: 60 });
    await expect(asked).rejects.toThrow(/ENOENT/);
  });
});
