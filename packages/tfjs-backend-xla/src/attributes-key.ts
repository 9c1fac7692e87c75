/** Attributes as a text that is equal only for equal attributes. JSON would not tell NaN, infinities and -0 apart. */
export function attributesKey(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (value === undefined || value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    let text = '[';
    for (const item of value as ArrayLike<unknown> & Iterable<unknown>) text += `${attributesKey(item)},`;
    return `${text}]`;
  }
  let text = '{';
  const object = value as Record<string, unknown>;
  for (const name in object) text += `${name}:${attributesKey(object[name])},`;
  return `${text}}`;
}
