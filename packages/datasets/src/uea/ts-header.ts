/** Reports a fault of the file: `line` counts from 1, 0 stands for the file as a whole. */
export type Fail = (line: number, message: string) => never;

/** What the `@` lines of a `.ts` file declare. `undefined`: the file does not say. */
export interface TsHeader {
  name: string;
  timeStamps: boolean;
  dimensions: number | undefined;
  equalLength: boolean;
  seriesLength: number | undefined;
  /** In the file's order; null: the cases carry no labels. */
  classes: string[] | null;
}

interface Entry {
  value: string;
  line: number;
}

// Public files use both spellings of the last three.
const keys: ReadonlyMap<string, string> = new Map([
  ['problemname', 'problemName'],
  ['timestamps', 'timeStamps'],
  ['missing', 'missing'],
  ['univariate', 'univariate'],
  ['equallength', 'equalLength'],
  ['serieslength', 'seriesLength'],
  ['dimensions', 'dimensions'],
  ['dimension', 'dimensions'],
  ['classlabel', 'classLabel'],
  ['classlabels', 'classLabel'],
  ['targetlabel', 'targetLabel'],
  ['targetlabels', 'targetLabel'],
]);

/** Collects the header line by line, then reads it as a whole: declarations may stand in any order. */
export class TsHeaderReader {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly fail: Fail) {}

  /** Takes one line (trimmed, not empty, not a comment); returns true when it is `@data`. */
  add(text: string, line: number): boolean {
    const match = /^@(\S+)\s*(.*)$/.exec(text);
    if (!match) this.fail(line, `expected a header line "@key value" before @data, got "${excerpt(text)}"`);
    const [, written, value] = match;
    if (written.toLowerCase() === 'data') {
      if (value !== '') this.fail(line, `@data must stand alone on its line, got "${excerpt(text)}"`);
      return true;
    }
    const key = keys.get(written.toLowerCase());
    if (key === undefined) {
      const valid = [...new Set(keys.values()), 'data'].map((name) => `@${name}`).join(', ');
      this.fail(line, `unknown header key "@${written}"; valid keys are ${valid} (a comment begins with #)`);
    }
    const earlier = this.entries.get(key);
    if (earlier) this.fail(line, `@${key} was already given in line ${earlier.line}`);
    this.entries.set(key, { value, line });
    return false;
  }

  read(dataLine: number): TsHeader {
    const { fail } = this;
    const target = this.entries.get('targetLabel');
    if (target && this.flag('targetLabel')) {
      fail(
        target.line,
        '@targetLabel true declares a regression problem, which is not supported: expected @classLabel',
      );
    }
    this.flag('missing'); // Only checked: missing values are recognised and counted wherever they stand.
    const seriesLength = this.count('seriesLength');
    return {
      name: this.entries.get('problemName')?.value ?? '',
      timeStamps: this.flag('timeStamps') ?? false,
      dimensions: this.dimensions(),
      equalLength: this.flag('equalLength') ?? seriesLength !== undefined,
      seriesLength,
      classes: this.classes(dataLine, target !== undefined),
    };
  }

  private flag(key: string): boolean | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    const value = entry.value.toLowerCase();
    // A regression header may go on after the truth value.
    const first = key === 'targetLabel' ? value.split(/\s+/)[0] : value;
    if (first !== 'true' && first !== 'false') {
      this.fail(entry.line, `@${key} must be true or false, got "${excerpt(entry.value)}"`);
    }
    return first === 'true';
  }

  private count(key: string): number | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    if (!/^\d+$/.test(entry.value) || Number(entry.value) < 1) {
      this.fail(entry.line, `@${key} must be a whole number from 1 on, got "${excerpt(entry.value)}"`);
    }
    return Number(entry.value);
  }

  private dimensions(): number | undefined {
    const dimensions = this.count('dimensions');
    if (this.flag('univariate') !== true) return dimensions;
    if (dimensions !== undefined && dimensions !== 1) {
      const { line } = this.entries.get('dimensions')!;
      this.fail(line, `@dimensions ${dimensions} contradicts @univariate true, which means 1`);
    }
    return 1;
  }

  private classes(dataLine: number, hasTarget: boolean): string[] | null {
    const entry = this.entries.get('classLabel');
    if (!entry) {
      if (hasTarget) return null;
      this.fail(
        dataLine,
        'no @classLabel before @data: add "@classLabel true" with all labels, or "@classLabel false" if the cases have none',
      );
    }
    const [flag, ...labels] = entry.value.split(/\s+/);
    const lower = flag.toLowerCase();
    if (lower !== 'true' && lower !== 'false') {
      this.fail(entry.line, `@classLabel must be true or false, got "${excerpt(entry.value)}"`);
    }
    if (lower === 'false') {
      if (labels.length > 0)
        this.fail(entry.line, `@classLabel false must not list labels, got "${labels[0]}"`);
      return null;
    }
    if (labels.length === 0) {
      this.fail(entry.line, '@classLabel true must list the labels, as in "@classLabel true a b"');
    }
    const repeated = labels.find((label, index) => labels.indexOf(label) !== index);
    if (repeated !== undefined) this.fail(entry.line, `@classLabel lists "${repeated}" twice`);
    return labels;
  }
}

/** A piece of the file that is short enough for a message. */
export function excerpt(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
