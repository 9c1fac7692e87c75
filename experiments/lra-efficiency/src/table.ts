import { type TableRow, toMarkdown } from '@primal-attention/notebook';
import { formName, hasOutcome, type Line, type MeasuredLine } from './measurement.js';
import { type OfficialNumbers, officialTime, type Range } from './official.js';
import { type Curve, crossoverSentences, linearFit } from './scaling.js';
import { kernelForms, type Model, modelNames, models, precisions, type TaskName } from './settings.js';

/**
 * The lines of one task, models and programs in the order of `settings.ts`; sizes that differ are tables of their own. Where
 * the official code was timed on the same card, ours say which part of its time they take.
 */
export function taskSections(
  lines: readonly Line[],
  task: TaskName,
  official: readonly OfficialNumbers[] = [],
): string[] {
  const mine = lines.filter((line) => line.part === 'table' && line.task === task);
  const sizes = [
    ...new Map(mine.map(({ length, batch }) => [`${length} ${batch}`, { length, batch }])).values(),
  ];
  return sizes.map(({ length, batch }) => {
    const chosen = mine
      .filter((line) => line.length === length && line.batch === batch)
      .sort(
        (a, b) =>
          Number(a.program !== 'ours') - Number(b.program !== 'ours') ||
          modelNames.indexOf(a.model) - modelNames.indexOf(b.model) ||
          a.program.localeCompare(b.program) ||
          precisions.indexOf(a.precision) - precisions.indexOf(b.precision) ||
          kernelForms.indexOf(a.kernels) - kernelForms.indexOf(b.kernels),
      );
    const title = `## ${task}, N ${count(length)}, batch ${batch}`;
    return [
      title,
      toMarkdown(chosen.map((line) => row(line, chosen, official))),
      ...failuresOf(chosen),
      ...notes(chosen),
    ].join('\n\n');
  });
}

function row(line: Line, all: readonly Line[], official: readonly OfficialNumbers[]): TableRow {
  const { program, precision } = line;
  const theirs = (of: Line): number | undefined => officialTime(of, official);
  const who = { model: nameOf(line), precision };
  // Why stands below the table.
  if (!hasOutcome(line)) return { ...who, 'ms a step': null };
  const softmax = all.find(
    (other) =>
      other.model === 'Trans.' &&
      other.program === program &&
      other.precision === precision &&
      other.kernels === line.kernels,
  );
  return {
    ...who,
    'ms a step': line.msPerStep.toFixed(2),
    'least to most': `${Math.min(...line.msReads).toFixed(2)} to ${Math.max(...line.msReads).toFixed(2)}`,
    'times faster than Trans.':
      softmax && hasOutcome(softmax) ? (softmax.msPerStep / line.msPerStep).toFixed(1) : null,
    ...(all.some(theirs) ? { 'of the official time': part(line.msPerStep, theirs(line)) } : {}),
    'GiB, measured': gibibytes(line.devicePeakBytes),
    'GiB, planned': gibibytes(line.programBytes),
    GFLOPs: line.flops === null ? null : (line.flops / 1e9).toFixed(1),
    parameters: line.parameters,
    'compile s': line.compileMs === null ? null : (line.compileMs / 1000).toFixed(1),
    'first loss s, from disk': seconds(line),
  };
}

function part(ours: number, theirs: number | undefined): string | null {
  return theirs === undefined ? null : (ours / theirs).toFixed(3);
}

function seconds({ firstLossMs: { disk } }: MeasuredLine): string | null {
  return disk === null ? null : (disk / 1000).toFixed(1);
}

function gibibytes(bytes: number | null): string | null {
  return bytes === null ? null : (bytes / 2 ** 30).toFixed(2);
}

function failuresOf(lines: readonly Line[]): string[] {
  const items = lines.flatMap((line) =>
    hasOutcome(line)
      ? []
      : [`- ${nameOf(line)}, ${line.precision}, N ${count(line.length)}, failed: ${line.failure}`],
  );
  return items.length > 0 ? [items.join('\n')] : [];
}

function nameOf(line: Line): string {
  const { program } = line;
  return program === 'ours' ? formName(line) : `${formName(line)} (${program})`;
}

function notes(lines: readonly Line[]): string[] {
  const shown = [...new Set(lines.filter(({ program }) => program === 'ours').map(({ model }) => model))];
  const items = shown.flatMap((model) => {
    const { note }: Model = models[model];
    return note === undefined ? [] : [`- ${model}: ${note}.`];
  });
  for (const line of lines) {
    if (!hasOutcome(line) || line.kernelsRefused === undefined) continue;
    items.push(
      `- ${nameOf(line)}, ${line.precision}: no kernels ran, but plain formulations: ${line.kernelsRefused}.`,
    );
  }
  return items.length > 0 ? [items.join('\n')] : [];
}

/** Time and memory against N, with the fits and where the curves cross. */
export function scalingSection(curves: readonly Curve[]): string[] {
  if (curves.length === 0) return [];
  const quantities = [
    { title: 'ms a step', of: (curve: Curve) => curve.msPerStep, digits: 2 },
    { title: 'GiB', of: (curve: Curve) => curve.bytes.map((bytes) => bytes / 2 ** 30), digits: 2 },
  ];
  const lengths = [
    ...new Set(
      curves.flatMap(({ lengths, failures }) => [...lengths, ...failures.map(({ length }) => length)]),
    ),
  ].sort((a, b) => a - b);
  const tables = quantities.map(({ title, of, digits }) => {
    const rows = curves.map((curve): TableRow => {
      const values = of(curve);
      const at = (length: number): string | null => {
        const place = curve.lengths.indexOf(length);
        return place >= 0 ? values[place].toFixed(digits) : null;
      };
      return {
        [title]: formName(curve),
        precision: curve.precision,
        ...Object.fromEntries(lengths.map((length) => [`N ${count(length)}`, at(length)])),
        ...fitted(curve.lengths, values),
      };
    });
    return toMarkdown(rows);
  });
  const failures = curves.flatMap(({ precision, failures, ...curve }) =>
    failures.map(
      ({ length, failure }) => `- ${formName(curve)}, ${precision}, N ${count(length)}, failed: ${failure}`,
    ),
  );
  const measured = curves.every(({ bytesAreMeasured }) => bytesAreMeasured);
  return [
    `## Against N, text task, batch ${curves[0].batch}`,
    ...tables,
    `Fits: a + b N by least squares. Memory is ${measured ? "the device's own peak" : "what the compiler planned where the device does not count, else the device's own peak"}.`,
    crossoverSentences(curves)
      .map((sentence) => `- ${sentence}`)
      .join('\n'),
    ...(failures.length > 0 ? [failures.join('\n')] : []),
  ];
}

function fitted(lengths: readonly number[], values: readonly number[]): TableRow {
  if (lengths.length < 3) return { a: null, 'b per 1,000': null, 'R²': null };
  const { constant, slope, rSquared } = linearFit(lengths, values);
  return { a: constant.toFixed(3), 'b per 1,000': (1000 * slope).toFixed(3), 'R²': rSquared.toFixed(4) };
}

/** The official code's times on one card, which need not be ours. */
export function officialSection({ what, device, comparable, lines }: OfficialNumbers): string[] {
  const range = (value: Range | undefined): string | null =>
    value === undefined
      ? null
      : typeof value === 'number'
        ? value.toFixed(1)
        : value.map((end) => end.toFixed(1)).join(' to ');
  const rows = lines.map(({ program, model, precision, msPerStep, peakGiB, note }) => ({
    program,
    model,
    precision,
    'ms a step': range(msPerStep),
    GiB: range(peakGiB),
    note: note ?? null,
  }));
  return [`## The official code and others, on ${device}`, `${what} ${comparable}`, toMarkdown(rows)];
}

function count(n: number): string {
  return n.toLocaleString('en-US');
}
