// How time and memory of the attention mechanisms grow with N: operations counted in our own graph, and the memory that the
// compiler planned. Everything is compiled and nothing runs, so that it can be asked on a busy machine, and for any N.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { provenance, writeWhole } from '@primal-attention/experiment';
import { writeFigure } from '@primal-attention/notebook';
import { useBackend } from '@primal-attention/runtime';
import { knownVariants, variants, withoutSettings } from './attention/settings.js';
import { benchFolder, count, items, listOf, UsageError } from './command-line.js';
import { complexityFigure } from './complexity/figure.js';
import { type ComplexityLine, complexityLine } from './complexity/line.js';
import { complexityTable } from './complexity/table.js';
import '@primal-attention/tfjs-backend-xla';

const usage = `usage: complexity.js [options]
  --mechanisms LIST   all (default), or of ${Object.keys(variants).join(', ')}
  --lengths LIST      (default 256,512,1024,2048,4096,8192,16384)
  --seed N            (default 0)
  --save              writes results/complexity-cpu.jsonl, in the place of the same mechanisms' lines, and the figure
  --figure            draws the figure of the saved results, and counts nothing`;

type SavedLine = ComplexityLine & { machine: string; commit: string; modified: boolean; date: string };

const results = join(benchFolder(), 'results');
const resultFile = join(results, 'complexity-cpu.jsonl');

async function main(): Promise<void> {
  const { values } = parse();
  const known = knownVariants();
  const mechanisms = values.mechanisms === 'all' ? known : listOf('mechanisms', values.mechanisms, known);
  const lengths = items(values.lengths).map((item) => count('lengths', item, 2));
  const seed = count('seed', values.seed, 0);
  if (values.figure) {
    draw(saved());
    return;
  }
  const missing = withoutSettings();
  if (missing.length > 0) console.error(`Left out, since they have no settings here: ${missing.join(', ')}`);
  await useBackend('xla');
  const { commit, modified, date, machine } = provenance();
  const lines: SavedLine[] = [];
  for (const mechanism of mechanisms) {
    lines.push({ ...complexityLine(mechanism, lengths, seed), machine, commit, modified, date });
    console.log(JSON.stringify(lines.at(-1)));
  }
  console.log(complexityTable(lines));
  if (!values.save) return;
  const order = Object.keys(variants);
  const kept = saved().filter((line) => !mechanisms.includes(line.mechanism));
  const all = [...kept, ...lines].sort((a, b) => order.indexOf(a.mechanism) - order.indexOf(b.mechanism));
  writeWhole(resultFile, all.map((line) => `${JSON.stringify(line)}\n`).join(''));
  draw(all);
}

function saved(): SavedLine[] {
  if (!existsSync(resultFile)) return [];
  const lines = readFileSync(resultFile, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as SavedLine);
}

function draw(lines: readonly SavedLine[]): void {
  const figure = complexityFigure(lines);
  for (const ending of ['svg', 'png']) writeFigure(figure, join(results, `complexity.${ending}`));
}

function parse() {
  try {
    return parseArgs({
      options: {
        mechanisms: { type: 'string', default: 'all' },
        lengths: { type: 'string', default: '256,512,1024,2048,4096,8192,16384' },
        seed: { type: 'string', default: '0' },
        save: { type: 'boolean', default: false },
        figure: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
