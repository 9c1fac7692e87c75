// Batches per second of each task, and the share of time that a training loop with steps of 5 ms spends waiting for them.
import { appendFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  type Columns,
  cachedImage,
  cachedListOps,
  cachedPathfinder,
  cachedRetrieval,
  cachedText,
  cachedUea,
  column,
  type DatasetName,
} from '@primal-attention/datasets';
import { provenance } from '@primal-attention/experiment';
import { inputOf, rows, type TaskShape } from './data/inputs.js';
import { type DataTime, measure } from './data/measure.js';
import { isQuiet, MachineUse, reportBusy } from './machine-use.js';

const results = fileURLToPath(new URL('../results/data.jsonl', import.meta.url));

const { values } = parseArgs({
  options: {
    /** Names, separated by commas. Default: all. */
    tasks: { type: 'string' },
    'step-ms': { type: 'string', default: '5' },
    batches: { type: 'string', default: '500' },
    /** Adds the lines to results/data.jsonl. */
    save: { type: 'boolean', default: false },
  },
});

function uea(name: DatasetName, cases: number, length: number, dimensions: number): TaskShape {
  return {
    batch: 16,
    load: async () => (await cachedUea(name)).train,
    shape: (): Columns => ({
      x: column(new Float32Array(cases * length * dimensions), [cases, length, dimensions]),
      mask: column(new Uint8Array(cases * length), [cases, length]),
      labels: column(new Int32Array(cases), [cases]),
    }),
  };
}

/** Batch sizes of the official scripts; shapes of the columns that the loaders give. */
const tasks: Readonly<Record<string, TaskShape>> = {
  'uea/EthanolConcentration': uea('EthanolConcentration', 261, 1751, 3),
  'uea/FaceDetection': uea('FaceDetection', 5890, 62, 144),
  'uea/Handwriting': uea('Handwriting', 150, 152, 3),
  'uea/Heartbeat': uea('Heartbeat', 204, 405, 61),
  'uea/JapaneseVowels': uea('JapaneseVowels', 270, 26, 12),
  'uea/PEMS-SF': uea('PEMS-SF', 267, 144, 963),
  'uea/SelfRegulationSCP1': uea('SelfRegulationSCP1', 268, 896, 6),
  'uea/SelfRegulationSCP2': uea('SelfRegulationSCP2', 200, 1152, 7),
  'uea/SpokenArabicDigits': uea('SpokenArabicDigits', 6600, 93, 13),
  'uea/UWaveGestureLibrary': uea('UWaveGestureLibrary', 120, 315, 3),
  'lra/listops': {
    batch: 32,
    load: async () => (await cachedListOps()).train,
    shape: () => rows(96_000, { ids: 2048 }, 1),
  },
  'lra/text': {
    batch: 32,
    load: async () => (await cachedText()).train,
    shape: () => rows(25_000, { ids: 4096 }, 1),
  },
  'lra/retrieval': {
    batch: 32,
    load: async () => (await cachedRetrieval()).train,
    shape: () => rows(20_000, { ids0: 4096, ids1: 4096 }, 1),
  },
  'lra/image': {
    batch: 256,
    load: async () => (await cachedImage()).train,
    shape: () => rows(45_000, { ids: 1024 }, 1),
  },
  'lra/pathfinder': {
    batch: 256,
    load: async () => (await cachedPathfinder()).train,
    shape: () => rows(160_000, { ids: 1024 }, 1),
  },
};

function chosenTasks(): [string, TaskShape][] {
  if (values.tasks === undefined) return Object.entries(tasks);
  return values.tasks.split(',').map((name) => {
    if (Object.hasOwn(tasks, name)) return [name, tasks[name]];
    throw new Error(`there is no task '${name}'; known are ${Object.keys(tasks).join(', ')}`);
  });
}

const options = { stepMs: Number(values['step-ms']), count: Number(values.batches) };
// Before anything runs: what counts is the code that was loaded.
const { commit, modified, date, machine } = provenance();
const lines: DataTime[] = [];
const use = new MachineUse();
for (const [name, shape] of chosenTasks()) {
  const input = await inputOf(name, shape);
  for (const way of ['here', 'thread'] as const) {
    const time = await measure(input, way, options);
    lines.push(time);
    console.log(JSON.stringify(time));
  }
}
const others = use.shareOfOthers(0);

console.log(
  '\n| task | batch | KiB | batches/s here | in a thread | waiting at %d ms here | in a thread | |',
  options.stepMs,
);
console.log('|---|---|---|---|---|---|---|---|');
for (const here of lines.filter(({ way }) => way === 'here')) {
  const thread = lines.find(({ task, way }) => task === here.task && way === 'thread')!;
  const share = ({ waiting }: DataTime): string => `${(100 * waiting).toFixed(1)} %`;
  const cells = [
    here.task,
    here.batch,
    Math.round(here.bytes / 1024),
    Math.round(here.batchesPerSecond),
    Math.round(thread.batchesPerSecond),
    share(here),
    share(thread),
    here.from === 'shape' ? 'numbers of the same shape' : '',
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
if (!isQuiet(others)) reportBusy(others, values.save);
else if (values.save) {
  const origin = { commit, modified, date, machine, others };
  appendFileSync(results, lines.map((line) => `${JSON.stringify({ ...line, ...origin })}\n`).join(''));
}
