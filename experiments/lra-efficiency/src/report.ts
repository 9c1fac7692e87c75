// Tables and figures of the committed results: a Markdown file and figures beside each file of results.
import { dirname, join } from 'node:path';
import { writeWhole } from '@primal-attention/experiment';
import { writeFigure } from '@primal-attention/notebook';
import { type CommittedResults, committedResults } from './committed.js';
import { modelsFigure, scalingFigure } from './figures.js';
import type { Line } from './measurement.js';
import { officialNumbers } from './official.js';
import { curvesOf } from './scaling.js';
import { kernelForms, precisions, taskNames } from './settings.js';
import { officialSection, scalingSection, taskSections } from './table.js';

const files = committedResults(process.argv[2]);
const official = officialNumbers();
if (files.length === 0) {
  console.error('There are no results yet: node dist/efficiency.js makes them, on a GPU.');
  process.exitCode = 1;
}
for (const file of files) {
  const text = report(file);
  console.log(text);
  writeWhole(join(dirname(file.path), `${file.name}.md`), text);
}

function report({ name, path, lines, card }: CommittedResults): string {
  const folder = dirname(path);
  const curves = curvesOf(lines);
  const draw = (figure: Parameters<typeof writeFigure>[0] | undefined, what: string): string[] => {
    if (figure === undefined) return [];
    const file = `${name}-${what}.png`;
    writeFigure(figure, join(folder, file));
    return [`![${what}](${file})`];
  };
  const [{ commit, modified, machine, device, seed, schedule, warmup, reads, stepsPerRead }] = lines;
  const dates = lines.map(({ date }) => date.slice(0, 10)).sort();
  return `${[
    `# Training steps on ${card}`,
    `${device}; ${machine}. Commit \`${commit}\`${modified ? ', with changes that are in no commit' : ''}, seed ${seed}, ${dates[0]} to ${dates.at(-1)}.`,
    `Times are medians over ${reads} reads of ${stepsPerRead} step${stepsPerRead > 1 ? 's' : ''} each, after ${warmup} to warm up; ms a step are also seconds per 1,000 steps. Rates: ${schedule} (peers: constant). Nothing but training steps is timed: no loading of data, no evaluation.`,
    ...taskNames.flatMap((task) => [
      ...taskSections(lines, task, official),
      ...shares(lines).flatMap(({ suffix, of }) =>
        (['time', 'memory'] as const).flatMap((quantity) =>
          draw(modelsFigure(of, task, quantity), `${task.toLowerCase()}-${quantity}${suffix}`),
        ),
      ),
    ]),
    ...scalingSection(curves),
    ...kernelForms.flatMap((kernels) => {
      const mine = curves.filter((curve) => curve.kernels === kernels);
      if (mine.length === 0) return [];
      return (['time', 'memory'] as const).flatMap((quantity) =>
        draw(scalingFigure(mine, quantity), `scaling-${quantity}${kernels === 'on' ? '-kernels' : ''}`),
      );
    }),
    ...official.flatMap(officialSection),
  ].join('\n\n')}\n`;
}

/** Lines that share a figure of bars: with both forms it is one for each precision, since four bars a model have no room. */
function shares(lines: readonly Line[]): { suffix: string; of: readonly Line[] }[] {
  if (lines.every(({ kernels }) => kernels === 'off')) return [{ suffix: '', of: lines }];
  return precisions.map((precision) => ({
    suffix: `-${precision}`,
    of: lines.filter((line) => line.precision === precision),
  }));
}
