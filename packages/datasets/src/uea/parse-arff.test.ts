import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinDimensions, parseArff } from './parse-arff.js';

const header =
  '@relation r\n@attribute a_0 numeric\n@attribute a_1 numeric\n@attribute class {yes,no}\n@data\n';
const read = (text: string): ReturnType<typeof parseArff> => parseArff(text, { file: 'f.arff' });

describe('parseArff', () => {
  it('reads cases of one dimension', () => {
    const set = read(`${header}1,2,yes\n-3e2,?,no\n`);
    expect(set).toMatchObject({ name: 'r', dimensions: 1, classes: ['yes', 'no'], missing: 1, maxLength: 2 });
    expect([...set.labels!]).toEqual([0, 1]);
    expect(set.cases.map((one) => [...one.values])).toEqual([
      [1, 2],
      [-300, Number.NaN],
    ]);
  });

  it('reads other spellings (scipy/scipy#10232, #12904)', () => {
    const set = read(
      "\uFEFF% comment\r\n@RELATION 'my \"set\"'\r\n\r\n@Attribute 'time 0'\treal\r\n@ATTRIBUTE smoker { 'yes', \"it's\" , no }\r\n@DATA\r\n% x\r\n 18 ,\t'yes' \r\n19,\"it's\"\r\n20,no",
    );
    expect(set.name).toBe('my "set"');
    expect(set.classes).toEqual(['yes', "it's", 'no']);
    expect([...set.labels!]).toEqual([0, 1, 2]);
    expect(read("@attribute x integer\n@attribute c {'a\\'b'}\n@data\n1,'a\\'b'").classes).toEqual(["a'b"]);
  });

  it.each([
    ['', 'f.arff: the file is empty'],
    ['% only\n\n', 'only blank lines and comments'],
    ['@relation r\n', 'ends without @data'],
    [header, 'no case follows @data'],
    ['@relation r\n@attribute x numeric\n@data\n1', 'f.arff:3: no nominal attribute'],
    ['@attribute c {a}\n@data\na', 'f.arff:2: no numeric attribute'],
    ['@attribute c {a\n', 'f.arff:1: the list of labels has no closing brace'],
    ['@attribute c {a,a}\n', 'label "a" is listed twice'],
    ['@attribute c {a,}\n', 'a label is empty'],
    [
      '@attribute x numeric\n@attribute x numeric\n',
      'f.arff:2: attribute "x" was already declared in line 1',
    ],
    ['@attribute c {a}\n@attribute x numeric\n', 'f.arff:2: an attribute follows the class'],
    ['@attribute bag relational\n', 'f.arff:1: relational attributes are not supported'],
    ['@attribute d date "yyyy"\n', 'expected numeric, real, integer or {labels}'],
    ['hello\n', 'f.arff:1: expected @relation, @attribute or @data, got "hello"'],
    [`${header}{1 X, 3 .5}`, 'f.arff:6: sparse cases'],
    [`${header}1,2,yes\n1,yes`, 'f.arff:7: the case has 2 values, the header declares 3 attributes'],
    [`${header}1,x,yes`, 'f.arff:6: value 2: expected a finite number or ?, got "x"'],
    [`${header}1,0x10,yes`, 'value 2'],
    [`${header}1,inf,yes`, 'value 2'],
    [`${header}1,,yes`, 'value 2: expected a finite number or ?, got ""'],
    [`${header}1,2,maybe`, 'f.arff:6: label "maybe" is not among those of the header: yes, no'],
    [`${header}1,2,'yes`, 'f.arff:6: item 3 has a quote that is not closed'],
  ])('refuses %j', (text, reason) => {
    expect(() => read(text)).toThrow(reason);
  });

  it('refuses UTF-16', () => {
    expect(() => parseArff(Buffer.from('\uFEFFx', 'utf16le'))).toThrow('UTF-16');
  });

  it('reads back what is written, whatever the labels', () => {
    const label = fc.string({ minLength: 1, maxLength: 8 }).filter((text) => !/[\r\n\0]/.test(text));
    fc.assert(
      fc.property(fc.uniqueArray(label, { minLength: 1, maxLength: 4 }), fc.double(), (labels, value) => {
        const quoted = labels.map((text) => `'${text.replace(/[\\']/g, '\\$&')}'`);
        const number = Number.isFinite(value) ? (Object.is(value, -0) ? '-0' : String(value)) : '?';
        const lines = quoted.map((text) => `${number}, ${text}`);
        const set = read(
          ['@attribute x real', `@attribute c {${quoted.join(' , ')}}`, '@data', ...lines].join('\n'),
        );
        expect(set.classes).toEqual(labels);
        expect([...set.labels!]).toEqual(labels.map((_, index) => index));
        expect(set.cases[0].values[0]).toBe(Number.isFinite(value) ? value : Number.NaN);
      }),
    );
  });
});

describe('joinDimensions', () => {
  const part = (file: string, text: string): { file: string; set: ReturnType<typeof parseArff> } => ({
    file,
    set: read(header + text),
  });

  it('puts the series of a case side by side', () => {
    const set = joinDimensions('S', [part('1', '1,2,yes\n3,4,no'), part('2', '5,6,yes\n7,?,no')]);
    expect(set).toMatchObject({ name: 'S', dimensions: 2, missing: 1 });
    expect([...set.cases[1].values]).toEqual([3, 4, 7, Number.NaN]);
  });

  it('refuses parts that are not of the same split', () => {
    const join = (text: string): unknown =>
      joinDimensions('S', [part('1', '1,2,yes\n3,4,no'), part('2', text)]);
    expect(() => join('1,2,yes')).toThrow('2: the number of cases is 1, in 1 it is 2');
    expect(() => join('1,2,yes\n3,4,yes')).toThrow('the label of case 2 is yes, in 1 it is no');
  });
});
