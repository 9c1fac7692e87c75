import { contentLines, readNumber, textBytes } from './lines.js';
import { excerpt, type Fail, type TsHeader, TsHeaderReader } from './ts-header.js';

/** One case: a multivariate series. */
export interface TimeSeriesCase {
  /** [dimensions, length], one channel after the other; NaN where the file has a missing value. */
  values: Float64Array;
  /** Time steps, the same in every channel. */
  length: number;
}

/** The content of one `.ts` file. */
export interface TimeSeriesSet {
  /** `@problemName`, or the empty string. */
  name: string;
  dimensions: number;
  /** Class labels in the header's order; null when the file declares none. */
  classes: string[] | null;
  /** Per case the index into `classes`; null when the file declares none. */
  labels: Int32Array | null;
  cases: TimeSeriesCase[];
  minLength: number;
  maxLength: number;
  /** Missing values in the whole file. */
  missing: number;
}

/** Options of {@link parseTs}. */
export interface ParseTsOptions {
  /** Stands in error messages. Default: `.ts text`. */
  file?: string;
}

/**
 * Reads the UEA `.ts` format: `#` comments, an `@` header, and after `@data` one case a line, `v,v,…:v,v,…:label`, with `:` between
 * channels, `,` between time steps and `?` or NaN for a missing value.
 *
 * Header keys and truth values are read without regard to case, blanks and tabs may surround any item, lines end in LF or
 * CRLF, and a byte-order mark is dropped. Bytes are UTF-8, or Latin-1 if the file is not valid UTF-8. Series of different
 * cases may differ in length unless the header says otherwise. Labels are text: `1` and `1.0` are two labels.
 *
 * Errors name the file, the line, and what was expected. Refused by name: time stamps, `@targetLabel true` (regression), unknown
 * header keys, an empty file, no case, a label that the header does not list, channels that the header does not announce, unequal
 * lengths within a case, lengths against `@equalLength true` or `@seriesLength`, an empty or infinite value. Where the header has
 * neither `@dimensions` nor `@univariate true`, all cases must have as many channels as the first.
 *
 * @param source the file's text or bytes
 */
export function parseTs(source: string | Uint8Array, options: ParseTsOptions = {}): TimeSeriesSet {
  const file = options.file ?? '.ts text';
  const fail: Fail = (line, message) => {
    throw new Error(`parseTs: ${file}${line > 0 ? `:${line}` : ''}: ${message}`);
  };
  const bytes = textBytes(source, fail);
  const reader = new TsHeaderReader(fail);
  let cases: CaseReader | undefined;
  let empty = true;
  for (const [line, text] of contentLines(bytes, '#')) {
    empty = false;
    if (cases) cases.add(text, line);
    else if (reader.add(text, line)) cases = new CaseReader(reader.read(line), fail);
  }
  if (empty) fail(0, bytes.length === 0 ? 'the file is empty' : 'the file has only blank lines and comments');
  if (!cases) fail(0, 'the file ends without @data');
  return cases.finish();
}

/** The cases of one file, in order. */
class CaseReader {
  private readonly cases: TimeSeriesCase[] = [];
  private readonly labels: number[] = [];
  private readonly classIndex: Map<string, number> | null;
  private dimensions: number | undefined;
  private firstLine = 0;
  private missing = 0;

  constructor(
    private readonly header: TsHeader,
    private readonly fail: Fail,
  ) {
    this.dimensions = header.dimensions;
    this.classIndex = header.classes && new Map(header.classes.map((label, index) => [label, index]));
  }

  add(text: string, line: number): void {
    if (this.header.timeStamps || text.startsWith('(')) {
      const sign = this.header.timeStamps ? '@timeStamps true' : 'the line begins with "("';
      this.fail(
        line,
        `line ${this.cases.length + 1} of the data: time stamps are not supported (${sign}); write plain values, "v,v:v,v:label"`,
      );
    }
    const fields = text.split(':');
    const label = this.classIndex ? fields.pop()!.trim() : undefined;
    this.checkDimensions(fields.length, line);
    if (label !== undefined) this.labels.push(this.labelIndex(label, line));
    this.cases.push(this.readCase(fields, line));
    if (this.firstLine === 0) this.firstLine = line;
  }

  finish(): TimeSeriesSet {
    const { cases, header } = this;
    if (cases.length === 0) this.fail(0, 'no case follows @data');
    const lengths = cases.map((one) => one.length);
    return {
      name: header.name,
      dimensions: this.dimensions!,
      classes: header.classes,
      labels: header.classes && Int32Array.from(this.labels),
      cases,
      minLength: lengths.reduce((a, b) => Math.min(a, b)),
      maxLength: lengths.reduce((a, b) => Math.max(a, b)),
      missing: this.missing,
    };
  }

  private checkDimensions(channels: number, line: number): void {
    if (this.dimensions === undefined && channels > 0) this.dimensions = channels;
    if (channels === this.dimensions) return;
    let expected = 'expected at least 1';
    if (this.header.dimensions !== undefined) expected = `the header says ${this.header.dimensions}`;
    else if (this.firstLine > 0) expected = `the first case (line ${this.firstLine}) has ${this.dimensions}`;
    const hint = this.classIndex
      ? ' (@classLabel true: what follows the last ":" is the label)'
      : ' (@classLabel false: every part is a channel)';
    this.fail(line, `the case has ${channels} channels, ${expected}${hint}`);
  }

  private labelIndex(label: string, line: number): number {
    const index = this.classIndex!.get(label);
    if (index === undefined) {
      const known = excerpt(this.header.classes!.join(', '));
      this.fail(line, `label "${excerpt(label)}" is not among those of @classLabel: ${known}`);
    }
    return index;
  }

  private readCase(fields: string[], line: number): TimeSeriesCase {
    let length = 0;
    let values = new Float64Array(0);
    for (let channel = 0; channel < fields.length; channel++) {
      const tokens = fields[channel].split(',');
      if (channel === 0) {
        length = tokens.length;
        this.checkLength(length, line);
        values = new Float64Array(fields.length * length);
      } else if (tokens.length !== length) {
        this.fail(
          line,
          `channel ${channel + 1} has ${tokens.length} values, channel 1 has ${length}: all channels of a case need the same length`,
        );
      }
      for (let step = 0; step < length; step++) {
        values[channel * length + step] = this.readValue(tokens[step].trim(), channel, step, line);
      }
    }
    return { values, length };
  }

  private checkLength(length: number, line: number): void {
    if (!this.header.equalLength) return;
    if (this.header.seriesLength !== undefined && length !== this.header.seriesLength) {
      this.fail(line, `channel 1 has ${length} values, @seriesLength says ${this.header.seriesLength}`);
    }
    if (this.cases.length > 0 && length !== this.cases[0].length) {
      this.fail(
        line,
        `channel 1 has ${length} values, the first case (line ${this.firstLine}) has ${this.cases[0].length}, but the header says @equalLength true`,
      );
    }
  }

  private readValue(token: string, channel: number, step: number, line: number): number {
    const value = readNumber(token);
    if (value !== undefined) {
      if (Number.isNaN(value)) this.missing++;
      return value;
    }
    const got = token === '' ? 'nothing' : `"${excerpt(token)}"`;
    this.fail(
      line,
      `channel ${channel + 1}, value ${step + 1}: expected a finite number, or ? for a missing one, got ${got}`,
    );
  }
}
