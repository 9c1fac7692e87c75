import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'primal-tile-caller-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Operations of an int32 tile `i` with a number `n` that is no int32; `i`, `x` and `y` are those of a kernel. */
const operations = [
  ...['add', 'sub', 'mul', 'div', 'rem', 'maximum', 'minimum', 'and', 'or', 'xor', 'shl', 'shr'].map(
    (name) => `i.${name}(n)`,
  ),
  ...['equal', 'notEqual', 'less', 'lessEqual', 'greater', 'greaterEqual'].map((name) => `i.${name}(n)`),
  'where(i.less(2), n, i)',
  'where(i.less(2), i, n)',
  "full([4], n, 'int32')",
  "scalar(n, 'int32')",
  'loop(n, () => {})',
  'loop({ from: n, to: 4 }, () => {})',
  'loop({ to: 4, step: n }, () => {})',
  'x.plus(n)',
  'x.load(n)',
  'x.load(i, { mask: i.less(2), other: n })',
  'y.store(n, 0)',
  'y.store(0, n)',
];

// Vitest keeps many more frames of a stack than Node.js does by itself, so that nothing would be missing here.
it('the line of a number that does not fit is known where Node.js keeps few frames of a stack', () => {
  const built = new URL('../../dist/index.js', import.meta.url).href;
  const head = [
    `import { arange, full, input, kernel, loop, output, scalar, where } from '${built}';`,
    'const messages = [];',
    'const signature = { x: input("int32"), y: output("int32") };',
    'const failing = (write) => { try { kernel("k", signature, write); } catch (error) { messages.push(error.message); } };',
  ];
  const cases = ['1.5', 'NaN'].flatMap((n) => operations.map((text) => text.replace(/\bn\b/, n)));
  const file = join(folder, 'kernels.mjs');
  writeFileSync(
    file,
    [
      ...head,
      ...cases.map((text) => `failing(({ x, y }) => { const i = arange(4); ${text}; });`),
      'console.log(JSON.stringify({ messages, limit: Error.stackTraceLimit }));',
    ].join('\n'),
  );
  const { stdout, stderr } = spawnSync(process.execPath, [file], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  expect(stderr).toBe('');
  const { messages, limit } = JSON.parse(stdout) as { messages: string[]; limit: number };
  const told = messages.map((message) => message.replace(/^.*\(.*?(?:kernels\.mjs:(\d+):\d+)?\)$/, '$1'));
  expect(told.map((line, k) => `${cases[k]}: line ${line}`)).toEqual(
    cases.map((text, k) => `${text}: line ${head.length + 1 + k}`),
  );
  // As it was.
  expect(limit).toBe(10);
});
