import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTs, type TimeSeriesSet } from './parse-ts.js';
import { type TsStyle, writeTs } from './testing/write-ts.js';

const header = (...lines: string[]): string => [...lines, '@data', ''].join('\n');
const labelled = header('@dimensions 2', '@classLabel true a b');
const values = (set: TimeSeriesSet): number[][] => set.cases.map((one) => [...one.values]);

describe('parseTs: what it reads', () => {
  it('reads channels, labels and lengths', () => {
    const set = parseTs(`@problemName Two of them\n${labelled}1,2,3:4,5,6:b\n-1e2,.5:+3,4.:a\n`);
    expect(set).toEqual({
      name: 'Two of them',
      dimensions: 2,
      classes: ['a', 'b'],
      labels: Int32Array.of(1, 0),
      cases: [
        { values: Float64Array.of(1, 2, 3, 4, 5, 6), length: 3 },
        { values: Float64Array.of(-100, 0.5, 3, 4), length: 2 },
      ],
      minLength: 2,
      maxLength: 3,
      missing: 0,
    });
  });

  // gzerveas/mvts_transformer#15, sktime/sktime#3303
  it('keeps the last channel of a file without class labels', () => {
    const head = header('@timeStamps false', '@univariate false', '@dimensions 2', '@classLabel false');
    const set = parseTs(`${head}1,2,3:4,5,6`);
    expect(set.cases).toHaveLength(1);
    expect(set.dimensions).toBe(2);
    expect(values(set)).toEqual([[1, 2, 3, 4, 5, 6]]);
    expect(set.classes).toBeNull();
    expect(set.labels).toBeNull();
  });

  it('reads a univariate file', () => {
    const set = parseTs(`${header('@univariate true', '@classLabel true x')}1,2:x\n3,4,5:x`);
    expect(set.dimensions).toBe(1);
    expect(values(set)).toEqual([
      [1, 2],
      [3, 4, 5],
    ]);
  });

  it('takes the channels of the first case where the header gives no number', () => {
    const set = parseTs(`${header('@classLabel false')}1:2:3\n4:5:6`);
    expect(set.dimensions).toBe(3);
  });

  it('reads missing values as NaN and counts them, whatever @missing says', () => {
    const set = parseTs(
      `${header('@missing false', '@dimensions 2', '@classLabel true a')}1,?,NaN:nan,2, ? :a`,
    );
    expect(values(set)).toEqual([[1, Number.NaN, Number.NaN, Number.NaN, 2, Number.NaN]]);
    expect(set.missing).toBe(4);
  });

  it('skips comments and blank lines everywhere, and keeps counting lines', () => {
    const text = '# first\n\n@classLabel false\n#middle\n@data\n\n# note\n1,2\n\n# note\n1,x\n';
    expect(() => parseTs(text, { file: 'f.ts' })).toThrow('parseTs: f.ts:11: channel 1, value 2');
  });
});

// sktime/sktime#2043, #3412, aeon-toolkit/aeon#3260
describe('parseTs: spellings of the header and bytes of other platforms', () => {
  it.each([
    ['@CLASSLABEL TRUE a b', '@DATA'],
    ['@classLabels true a b', '@Data'],
    ['@classlabel\tTrue\ta\tb', '@data '],
    ['  @ClassLabel  true   a  b  ', '\t@data'],
  ])('%j, %j', (classLabel, data) => {
    const set = parseTs(`${classLabel}\n${data}\n1,2:b`);
    expect(set.classes).toEqual(['a', 'b']);
    expect(set.labels).toEqual(Int32Array.of(1));
  });

  it('accepts @targetLabel false as "no labels"', () => {
    expect(parseTs(`${header('@targetLabel false')}1,2`).labels).toBeNull();
  });

  it('accepts @dimension', () => {
    expect(parseTs(`${header('@dimension 2', '@classLabel false')}1:2`).dimensions).toBe(2);
  });

  it('leaves neither CR nor byte-order mark in a label', () => {
    const set = parseTs('\uFEFF@classLabel true a b\r\n@data\r\n1,2:a\r\n3,4:b');
    expect(set.classes).toEqual(['a', 'b']);
    expect(set.labels).toEqual(Int32Array.of(0, 1));
  });

  it('drops the byte-order mark of a file whose rest is Latin-1', () => {
    const bytes = Buffer.concat([
      Buffer.of(0xef, 0xbb, 0xbf),
      Buffer.from('@classLabel true ä\n@data\n1:ä', 'latin1'),
    ]);
    expect(parseTs(bytes).classes).toEqual(['ä']);
  });

  it.each(['utf8', 'latin1'] as const)('reads %s bytes', (encoding) => {
    const bytes = Buffer.from('# Universität\n@classLabel true né\n@data\n1,2:né', encoding);
    expect(parseTs(new Uint8Array(bytes)).classes).toEqual(['né']);
  });

  it('names UTF-16', () => {
    const bytes = Buffer.from('\uFEFF@classLabel false\n@data\n1', 'utf16le');
    expect(() => parseTs(bytes)).toThrow('the file is UTF-16: save it as UTF-8');
    expect(() => parseTs(bytes.swap16())).toThrow('the file is UTF-16: save it as UTF-8');
  });

  it('reads bytes that begin in the middle of their buffer', () => {
    const bytes = new TextEncoder().encode('xxx@classLabel false\n@data\n7');
    expect(values(parseTs(bytes.subarray(3)))).toEqual([[7]]);
  });

  it.each([
    ['', 'parseTs: f.ts: the file is empty'],
    ['\n# only a comment\n', 'parseTs: f.ts: the file has only blank lines and comments'],
    ['@classLabel true a\n', 'parseTs: f.ts: the file ends without @data'],
    ['@classLabel true a\n@data\n', 'parseTs: f.ts: no case follows @data'],
    ['@data\n1,2', 'parseTs: f.ts:1: no @classLabel before @data'],
    ['@targetLabel true\n@data\n1,2:0.5', 'parseTs: f.ts:1: @targetLabel true declares a regression problem'],
    [
      '@targetlabels TRUE x\n@data\n1,2:0.5',
      'parseTs: f.ts:1: @targetLabel true declares a regression problem',
    ],
    ['@classLabel true\n@data\n1:a', 'parseTs: f.ts:1: @classLabel true must list the labels'],
    ['@classLabel false a\n@data\n1:a', 'parseTs: f.ts:1: @classLabel false must not list labels, got "a"'],
    ['@classLabel a b\n@data\n1:a', 'parseTs: f.ts:1: @classLabel must be true or false, got "a b"'],
    ['@classLabel true a b a\n@data\n1:a', 'parseTs: f.ts:1: @classLabel lists "a" twice'],
    [
      '@classLabel false\n@CLASSLABELS false\n@data\n1',
      'parseTs: f.ts:2: @classLabel was already given in line 1',
    ],
    [
      '@missing maybe\n@classLabel false\n@data\n1',
      'parseTs: f.ts:1: @missing must be true or false, got "maybe"',
    ],
    ['@dimensions two\n@classLabel false\n@data\n1', 'parseTs: f.ts:1: @dimensions must be a whole number'],
    ['@dimensions 0\n@classLabel false\n@data\n1', 'parseTs: f.ts:1: @dimensions must be a whole number'],
    [
      '@equalLenght true\n@classLabel false\n@data\n1',
      'parseTs: f.ts:1: unknown header key "@equalLenght"; valid keys are',
    ],
    ['@__proto__ true\n@classLabel false\n@data\n1', 'parseTs: f.ts:1: unknown header key "@__proto__"'],
    ['1,2:a\n@data\n', 'parseTs: f.ts:1: expected a header line "@key value" before @data, got "1,2:a"'],
    ['@classLabel false\n@data 1,2\n', 'parseTs: f.ts:2: @data must stand alone on its line'],
    [
      '@univariate true\n@dimensions 3\n@classLabel false\n@data\n1',
      'parseTs: f.ts:2: @dimensions 3 contradicts @univariate true',
    ],
  ])('refuses %j', (text, message) => {
    expect(() => parseTs(text, { file: 'f.ts' })).toThrow(message);
  });
});

// aeon-toolkit/aeon#479, sktime/sktime#3521
describe('parseTs: time stamps', () => {
  it.each([
    ['(0,1.5),(1,2.5),(3,?):(0,7),(1,8),(3,9):a', '@timeStamps true'],
    ['(2020-01-01 00:00:00,1),(2020-01-01 00:00:01,2):a', '@TIMESTAMPS TRUE'],
    ['(0,1.5),(1,2.5):a', '@timeStamps false'],
  ])('refuses %j after %s, naming the line', (line, declared) => {
    const text = `${header(declared, '@classLabel true a')}${line}\n`;
    expect(() => parseTs(text, { file: 'f.ts' })).toThrow(
      'parseTs: f.ts:4: line 1 of the data: time stamps are not supported',
    );
  });
});

// aeon-toolkit/aeon#3085, time-series-machine-learning/tsml-repo#92
describe('parseTs: shapes that do not fit', () => {
  it.each([
    ['@dimensions 2\n@classLabel true a', '1,2,3:4,5:a', '4: channel 2 has 2 values, channel 1 has 3'],
    ['@dimensions 3\n@classLabel true a', '1:2:3:a\n1:2:a', '5: the case has 2 channels, the header says 3'],
    ['@univariate true\n@classLabel true a', '1:2:a', '4: the case has 2 channels, the header says 1'],
    [
      '@dimensions 2\n@classLabel true a',
      '1,2:3,4',
      '4: the case has 1 channels, the header says 2 (@classLabel true',
    ],
    [
      '@dimensions 1\n@classLabel false',
      '1,2:a',
      '4: the case has 2 channels, the header says 1 (@classLabel false',
    ],
    [
      '@missing false\n@classLabel true a',
      '1:a\n1:2:a',
      '5: the case has 2 channels, the first case (line 4) has 1',
    ],
    ['@missing false\n@classLabel true a', '1,2', '4: the case has 0 channels, expected at least 1'],
    [
      '@equalLength true\n@classLabel true a',
      '1,2,3:a\n1,2:a',
      '5: channel 1 has 2 values, the first case (line 4) has 3',
    ],
    ['@seriesLength 4\n@classLabel true a', '1,2,3:a', '4: channel 1 has 3 values, @seriesLength says 4'],
    [
      '@dimensions 1\n@classLabel true a b',
      '1:a\n1:z',
      '5: label "z" is not among those of @classLabel: a, b',
    ],
    ['@dimensions 1\n@classLabel true a b', '1:', '4: label "" is not among those of @classLabel: a, b'],
    ['@dimensions 1\n@classLabel true 1.0', '1:1', '4: label "1" is not among those of @classLabel: 1.0'],
    [
      '@dimensions 1\n@classLabel true a',
      '1,,3:a',
      '4: channel 1, value 2: expected a finite number, or ? for a missing one, got nothing',
    ],
    ['@dimensions 2\n@classLabel true a', '1,2:1,2,:a', '4: channel 2 has 3 values, channel 1 has 2'],
    ['@dimensions 2\n@classLabel true a', '1::a', '4: channel 2, value 1: expected a finite number'],
    ...['x', '0x10', '1e999', 'Infinity', '-inf', '1 2', '1;2', '1_000', '--1', 'null'].map((token) => [
      '@dimensions 1\n@classLabel true a',
      `1,2:a\n3,${token}:a`,
      `5: channel 1, value 2: expected a finite number, or ? for a missing one, got "${token}"`,
    ]),
  ])('%j, then %j', (head, data, message) => {
    expect(() => parseTs(`${head}\n@data\n${data}`, { file: 'f.ts' })).toThrow(`parseTs: f.ts:${message}`);
  });

  it('lets lengths differ between cases where the header allows it', () => {
    const set = parseTs(
      `${header('@equalLength false', '@seriesLength 9', '@classLabel true a')}1,2:a\n1,2,3:a`,
    );
    expect([set.minLength, set.maxLength]).toEqual([2, 3]);
  });

  it('keeps messages short when a value is not', () => {
    const text = `${header('@classLabel false')}${'9'.repeat(100_000)}x`;
    expect(() => parseTs(text)).toThrow(/^.{1,200}$/s);
  });
});

const style: fc.Arbitrary<TsStyle> = fc.record({
  newline: fc.constantFrom('\n', '\r\n'),
  byteOrderMark: fc.boolean(),
  finalNewline: fc.boolean(),
  blank: fc.constantFrom(' ', '\t', '  '),
  keyCase: fc.constantFrom('lower', 'upper', 'camel'),
  missing: fc.constantFrom('?', 'NaN', 'nan'),
  comments: fc.boolean(),
});

const value = fc.oneof(
  { arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }), weight: 8 },
  { arbitrary: fc.constant(Number.NaN), weight: 1 },
);

const timeSeriesSet: fc.Arbitrary<TimeSeriesSet> = fc
  .record({
    name: fc.stringMatching(/^[A-Za-zäé]{1,12}$/),
    dimensions: fc.integer({ min: 1, max: 4 }),
    classes: fc.option(fc.uniqueArray(fc.stringMatching(/^[\wäé.+-]{1,5}$/), { minLength: 1, maxLength: 4 })),
    lengths: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 }),
  })
  .chain(({ name, dimensions, classes, lengths }) => {
    const cases = fc.tuple(
      ...lengths.map((length) =>
        fc
          .array(value, { minLength: dimensions * length, maxLength: dimensions * length })
          .map((numbers) => ({ values: Float64Array.from(numbers), length })),
      ),
    );
    const label = fc.nat({ max: Math.max(0, (classes?.length ?? 1) - 1) });
    const labels = fc.array(label, { minLength: lengths.length, maxLength: lengths.length });
    return fc.tuple(cases, labels).map(([made, drawn]) => ({
      name,
      dimensions,
      classes,
      labels: classes && Int32Array.from(drawn),
      cases: made,
      minLength: Math.min(...lengths),
      maxLength: Math.max(...lengths),
      missing: made.flatMap((one) => [...one.values]).filter(Number.isNaN).length,
    }));
  });

describe('parseTs: round trip', () => {
  it('reads back any set in any spelling, from text and from bytes', () => {
    fc.assert(
      fc.property(timeSeriesSet, style, (set, spelling) => {
        const text = writeTs(set, spelling);
        expect(parseTs(text)).toEqual(set);
        expect(parseTs(Buffer.from(text, 'utf8'))).toEqual(set);
        expect(parseTs(Buffer.from(text.replace('\uFEFF', ''), 'latin1'))).toEqual(set);
      }),
    );
  });
});
