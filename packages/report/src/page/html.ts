/** Text as HTML shows it. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** JSON that can stand in a script element. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

/** A program's text that can stand in a script element: what would end or hide it stands in its strings only. */
export function scriptText(program: string): string {
  return program.replace(/<(?=\/script|!--)/gi, '\\x3c');
}
