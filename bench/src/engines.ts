// The engines on one training step of the LRA text classifier, Primal and softmax, at several lengths. Writes
// results/engines-cpu.jsonl, and from it the table in packages/engines/README.md.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installedTensorflow } from '@primal-attention/engines';
import { provenance, writeWhole } from '@primal-attention/experiment';
import { type EngineLine, engineTable, parseLines, withSection } from './engines/table.js';
import { isQuiet } from './machine-use.js';

const defaultResults = fileURLToPath(new URL('../results/engines-cpu.jsonl', import.meta.url));
const readme = fileURLToPath(new URL('../../packages/engines/README.md', import.meta.url));
const program = fileURLToPath(new URL('./lra-step.js', import.meta.url));

const { values } = parseArgs({
  options: {
    lengths: { type: 'string', default: '256,1024,4096' },
    engines: { type: 'string', default: 'tensorflow,wasm' },
    output: { type: 'string', default: defaultResults },
    /** Only the table, from the results that are there. */
    table: { type: 'boolean', default: false },
  },
});

/** A run that takes longer is given up, and its line says so. */
const minutesAtMost = 15;

interface Case {
  readonly mechanism: 'primal' | 'softmax';
  readonly length: number;
  readonly batch: number;
}

/** Softmax keeps about ten arrays [batch, heads, N, N] a layer where a tape holds them: 0.5 GB each at N 4096, batch 4. */
function cases(): Case[] {
  const lengths = values.lengths.split(',').map(Number);
  return (['primal', 'softmax'] as const).flatMap((mechanism) =>
    lengths.map((length) => ({
      ...{ mechanism, length },
      batch: mechanism === 'softmax' && length > 2048 ? 1 : 4,
    })),
  );
}

// Before anything runs: what counts is the code that was loaded.
const { commit, modified, date, machine } = provenance();
const origin = { commit, modified, date, machine };

/** Beside `xla`, in the same run; so an engine that fails takes no other with it, and each has its ratio to `xla`. */
function compare(engine: string, { mechanism, length, batch }: Case): EngineLine[] {
  const steps = length <= 256 ? 20 : length <= 1024 ? 10 : 5;
  const options = { mechanism, length, batch, steps, 'steps-per-read': 1, rounds: 3, warmup: 3 };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  for (let attempt = 1; ; attempt++) {
    const run = spawnSync(process.execPath, [program, '--backends', `xla,${engine}`, ...args], {
      encoding: 'utf8',
      timeout: minutesAtMost * 60_000,
      maxBuffer: 2 ** 28,
    });
    process.stderr.write(run.stderr);
    if (run.status !== 0)
      return [{ backend: engine, mechanism, length, batch, failure: failureOf(run), ...origin }];
    const lines = parseLines(run.stdout);
    for (const line of lines) console.log(JSON.stringify(line));
    if (lines.every((line) => 'failure' in line || isQuiet(line.others))) return lines;
    if (attempt === 3) throw new Error('other programs kept the machine busy; nothing was saved');
  }
}

function failureOf({ stderr, error }: { stderr: string; error?: Error }): string {
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT') {
    return `more than ${minutesAtMost} minutes`;
  }
  // The first error is that of the program that failed; the others follow from it.
  const reason = stderr.split('\n').find((line) => /^\s*\w*Error\b.*: /.test(line));
  // Not the engine's failure, then: the options were wrong.
  if (reason === undefined) throw new Error('bench:step could not be run; why is above');
  return reason.trim();
}

function measure(): void {
  if (values.engines.split(',').includes('tensorflow') && installedTensorflow() === undefined) {
    throw new Error('engine tensorflow is not installed; run `pnpm primal engine tensorflow`');
  }
  const lines: EngineLine[] = [];
  for (const size of cases()) {
    for (const engine of values.engines.split(',')) {
      for (const line of compare(engine, size)) {
        // xla is in every run; once is enough.
        if (line.backend === 'xla' && lines.some((other) => isSame(other, line))) continue;
        lines.push(line);
      }
    }
  }
  writeWhole(values.output, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

function isSame(a: EngineLine, b: EngineLine): boolean {
  return (
    a.backend === b.backend && a.mechanism === b.mechanism && a.length === b.length && a.batch === b.batch
  );
}

if (!values.table) measure();
if (values.output === defaultResults) {
  const lines = existsSync(defaultResults) ? parseLines(readFileSync(defaultResults, 'utf8')) : [];
  writeWhole(readme, withSection(readFileSync(readme, 'utf8'), engineTable(lines)));
}
