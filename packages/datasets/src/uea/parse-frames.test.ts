import { describe, expect, it } from 'vitest';
import { parseFrames } from './parse-frames.js';

const read = (text: string): ReturnType<typeof parseFrames> =>
  parseFrames(text, { name: 'S', dimensions: 2, classes: ['0', '1'], file: 'f.txt' });

describe('parseFrames', () => {
  it('takes labels from the position', () => {
    const set = read('   \n1 2\n3 4\n\n5 6\n   \n7 8\n\n9 10\n11 12\n13 14\n');
    expect(set).toMatchObject({ name: 'S', dimensions: 2, classes: ['0', '1'], minLength: 1, maxLength: 3 });
    expect([...set.labels!]).toEqual([0, 0, 1, 1]);
    expect([...set.cases[0].values]).toEqual([1, 3, 2, 4]); // channel by channel
  });

  it('reads CRLF, tabs, several blank lines and no final newline', () => {
    expect(read('\r\n\r\n1\t2\r\n\r\n \r\n3 4').cases).toHaveLength(2);
  });

  it.each([
    ['', 'f.txt: the file is empty'],
    [' \n\n', 'only blank lines'],
    ['\n1 2\n1 2 3\n', 'f.txt:3: the frame has 3 values, expected 2'],
    ['\n1 x\n', 'f.txt:2: value 2: expected a finite number, got "x"'],
    ['\n1 nan\n', 'value 2'],
    ['\n1 ?\n', 'value 2'],
    ['\n1 2\n\n3 4\n\n5 6\n', '3 utterances are no multiple of 2 classes'],
  ])('refuses %j', (text, reason) => {
    expect(() => read(text)).toThrow(reason);
  });
});
