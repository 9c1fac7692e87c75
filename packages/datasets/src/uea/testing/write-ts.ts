import type { TimeSeriesSet } from '../parse-ts.js';

/** How a `.ts` file may be spelt without meaning anything else. */
export interface TsStyle {
  newline: '\n' | '\r\n';
  byteOrderMark: boolean;
  finalNewline: boolean;
  /** Between header items, and around values. */
  blank: ' ' | '\t' | '  ';
  keyCase: 'lower' | 'upper' | 'camel';
  missing: '?' | 'NaN' | 'nan';
  comments: boolean;
}

/** The set as `.ts` text: what `parseTs` must read back. */
export function writeTs(set: TimeSeriesSet, style: TsStyle): string {
  const { blank } = style;
  const key = (name: string): string => {
    if (style.keyCase === 'lower') return `@${name.toLowerCase()}`;
    return `@${style.keyCase === 'upper' ? name.toUpperCase() : name}`;
  };
  const number = (value: number): string => {
    if (Number.isNaN(value)) return style.missing;
    return Object.is(value, -0) ? '-0' : String(value);
  };
  const lines = [
    [key('problemName'), set.name],
    [key('timeStamps'), 'false'],
    [key('univariate'), String(set.dimensions === 1)],
    [key('dimensions'), String(set.dimensions)],
    [key('classLabel'), ...(set.classes ? ['true', ...set.classes] : ['false'])],
    [key('data')],
  ].map((items) => items.join(blank));
  for (const [index, { values, length }] of set.cases.entries()) {
    const channels = Array.from({ length: set.dimensions }, (_, channel) =>
      Array.from(values.subarray(channel * length, (channel + 1) * length), number).join(`,${blank}`),
    );
    if (set.classes) channels.push(`${blank}${set.classes[set.labels![index]]}`);
    lines.push(channels.join(':'));
    if (style.comments) lines.push('# a comment', '');
  }
  const text = lines.join(style.newline) + (style.finalNewline ? style.newline : '');
  return (style.byteOrderMark ? '\uFEFF' : '') + text;
}
