/** JSON for a result file: indented, but with lists of numbers on one line. */
export function readableJson(value: unknown): string {
  const text = JSON.stringify(value, undefined, 2).replace(/\[[\s\d.,eE+-]*\]/g, (list) =>
    list.replace(/\s+/g, ' '),
  );
  return `${text}\n`;
}
