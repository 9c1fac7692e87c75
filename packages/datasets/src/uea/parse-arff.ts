import { contentLines, readNumber, textBytes } from './lines.js';
import type { TimeSeriesCase, TimeSeriesSet } from './parse-ts.js';
import { excerpt, type Fail } from './ts-header.js';

/** Options of {@link parseArff}. */
export interface ParseArffOptions {
  /** Stands in error messages. Default: `arff text`. */
  file?: string;
}

/**
 * Reads one dimension of a UEA set in Weka's arff: `%` comments, `@relation`, one `@attribute NAME numeric` a time step, then the
 * class as `@attribute NAME {a, b}`, and after `@data` one case a line, `v,v,…,label`, with `?` for a missing value.
 *
 * Keywords are read without regard to case; names and labels may stand in single or double quotes, with `\` before a quote in
 * them; blanks and tabs may surround any item. Encoding and line ends as in `parseTs`. The result has one dimension, and every
 * case the length that the header declares: arff pads a shorter series with `?`, which cannot be told from missing values.
 *
 * Refused by name: relational attributes (a whole set in one file), sparse cases `{1 X, 3 .5}`, dates and strings, a class that
 * is not the last attribute, a label that the header does not list, another number of values than attributes, an empty file,
 * no case.
 */
export function parseArff(source: string | Uint8Array, options: ParseArffOptions = {}): TimeSeriesSet {
  const file = options.file ?? 'arff text';
  const fail: Fail = (line, message) => {
    throw new Error(`parseArff: ${file}${line > 0 ? `:${line}` : ''}: ${message}`);
  };
  const bytes = textBytes(source, fail);
  const header = new ArffHeader(fail);
  const cases: TimeSeriesCase[] = [];
  const labels: number[] = [];
  let missing = 0;
  let empty = true;
  for (const [line, text] of contentLines(bytes, '%')) {
    empty = false;
    if (!header.finished) {
      header.add(text, line);
      continue;
    }
    if (text.startsWith('{'))
      fail(line, 'sparse cases "{INDEX VALUE, …}" are not supported: write all values');
    const tokens = splitItems(text, line, fail);
    if (tokens.length !== header.steps + 1) {
      fail(line, `the case has ${tokens.length} values, the header declares ${header.steps + 1} attributes`);
    }
    const values = new Float64Array(header.steps);
    for (let step = 0; step < header.steps; step++) {
      const value = readNumber(tokens[step]);
      if (value === undefined) {
        fail(line, `value ${step + 1}: expected a finite number or ?, got "${excerpt(tokens[step])}"`);
      }
      if (Number.isNaN(value)) missing++;
      values[step] = value;
    }
    const label = header.classes.indexOf(tokens[header.steps]);
    if (label < 0) {
      const known = excerpt(header.classes.join(', '));
      fail(line, `label "${excerpt(tokens[header.steps])}" is not among those of the header: ${known}`);
    }
    labels.push(label);
    cases.push({ values, length: header.steps });
  }
  if (empty) fail(0, bytes.length === 0 ? 'the file is empty' : 'the file has only blank lines and comments');
  if (!header.finished) fail(0, 'the file ends without @data');
  if (cases.length === 0) fail(0, 'no case follows @data');
  return {
    name: header.relation,
    dimensions: 1,
    classes: header.classes,
    labels: Int32Array.from(labels),
    cases,
    minLength: header.steps,
    maxLength: header.steps,
    missing,
  };
}

/**
 * The set whose dimensions are the given sets, in order: case i is made of case i of each.
 *
 * @throws if they differ in cases, length, classes or the label of a case; the message counts cases from 1
 */
export function joinDimensions(
  name: string,
  parts: readonly { set: TimeSeriesSet; file: string }[],
): TimeSeriesSet {
  const first = parts[0];
  for (const { set, file } of parts) {
    const compare = (what: string, got: unknown, expected: unknown): void => {
      if (String(got) === String(expected)) return;
      throw new Error(
        `joinDimensions: ${file}: ${what} is ${got}, in ${first.file} it is ${expected}: not the same split of ${name}`,
      );
    };
    compare('the number of cases', set.cases.length, first.set.cases.length);
    compare('the length of the series', set.maxLength, first.set.maxLength);
    compare('the list of classes', set.classes, first.set.classes);
    for (let i = 0; i < set.cases.length; i++) {
      compare(
        `the label of case ${i + 1}`,
        set.classes![set.labels![i]],
        first.set.classes![first.set.labels![i]],
      );
    }
  }
  const cases = first.set.cases.map(({ length }, index) => {
    const values = new Float64Array(parts.length * length); // [dimensions, length]
    for (const [channel, { set }] of parts.entries()) values.set(set.cases[index].values, channel * length);
    return { values, length };
  });
  const missing = parts.reduce((sum, { set }) => sum + set.missing, 0);
  return { ...first.set, name, dimensions: parts.length, cases, missing };
}

/** What stands before `@data`. */
class ArffHeader {
  relation = '';
  steps = 0;
  classes: string[] = [];
  finished = false;
  private readonly names = new Map<string, number>();

  constructor(private readonly fail: Fail) {}

  add(text: string, line: number): void {
    const { fail } = this;
    const [, written, rest] = /^@(\S+)\s*(.*)$/.exec(text) ?? [];
    const key = written?.toLowerCase();
    if (key === 'relation') {
      this.relation = takeName(rest, line, fail).name;
    } else if (key === 'attribute') {
      this.attribute(rest, line);
    } else if (key === 'data') {
      if (this.classes.length === 0) fail(line, 'no nominal attribute before @data: the class is missing');
      if (this.steps === 0) fail(line, 'no numeric attribute before @data: there is no time step');
      this.finished = true;
    } else {
      fail(line, `expected @relation, @attribute or @data, got "${excerpt(text)}"`);
    }
  }

  private attribute(text: string, line: number): void {
    const { fail } = this;
    const { name, rest } = takeName(text, line, fail);
    const earlier = this.names.get(name);
    if (earlier !== undefined)
      fail(line, `attribute "${excerpt(name)}" was already declared in line ${earlier}`);
    this.names.set(name, line);
    if (this.classes.length > 0) fail(line, 'an attribute follows the class, which must be the last');
    if (rest.startsWith('{')) {
      if (!rest.endsWith('}')) fail(line, 'the list of labels has no closing brace');
      this.classes = splitItems(rest.slice(1, -1), line, fail);
      const repeated = this.classes.find((label, index) => this.classes.indexOf(label) !== index);
      if (repeated !== undefined) fail(line, `label "${excerpt(repeated)}" is listed twice`);
      if (this.classes.includes('')) fail(line, 'a label is empty');
      return;
    }
    const kind = rest.split(/\s+/)[0].toLowerCase();
    if (kind === 'relational') {
      fail(
        line,
        'relational attributes are not supported: use the files of one dimension each, or the .ts files',
      );
    }
    if (!['numeric', 'real', 'integer'].includes(kind)) {
      fail(
        line,
        `attribute "${excerpt(name)}": expected numeric, real, integer or {labels}, got "${excerpt(rest)}"`,
      );
    }
    this.steps++;
  }
}

/** A name, which may stand in quotes, and what follows it. */
function takeName(text: string, line: number, fail: Fail): { name: string; rest: string } {
  const quoted = /^(['"])((?:\\.|(?!\1).)*)\1\s*(.*)$/.exec(text);
  if (quoted) return { name: withoutEscapes(quoted[2]), rest: quoted[3] };
  const plain = /^([^\s'"{}]+)\s*(.*)$/.exec(text);
  if (!plain) fail(line, `expected a name, got "${excerpt(text)}"`);
  return { name: plain[1], rest: plain[2] };
}

/** Items between commas, trimmed and without quotes. */
function splitItems(text: string, line: number, fail: Fail): string[] {
  if (!/['"]/.test(text)) return text.split(',').map((item) => item.trim());
  const items: string[] = [];
  const item = /\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|([^,'"]*?))\s*(,|$)/y;
  for (;;) {
    const found = item.exec(text);
    if (!found) fail(line, `item ${items.length + 1} has a quote that is not closed, or text beside a quote`);
    items.push(found[3] ?? withoutEscapes(found[1] ?? found[2]));
    if (found[4] === '') return items;
  }
}

const withoutEscapes = (text: string): string => text.replace(/\\(.)/g, '$1');
