/**
 * Writes `{ loss }` as `{ loss: loss }`.
 *
 * tslab turns the names of earlier cells' variables into properties of an object that holds them, but overlooks those in
 * shorthand properties, which then are a ReferenceError. Written out, they mean the same and are found.
 */
import { ts } from './cell-lines.mjs';

/** The expanded code, and the way back from its places, `{ line, character }` from 0, to the cell's own. */
export function expandShorthand(code) {
  const source = ts.createSourceFile('cell.ts', code, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS);
  const names = [];
  const visit = (node) => {
    // `{ a = 1 } = b` is a pattern with a default value; it cannot be written so, and needs not.
    if (ts.isShorthandPropertyAssignment(node) && !node.objectAssignmentInitializer) {
      names.push({ text: node.name.text, start: node.name.getStart(source), end: node.name.end });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);

  let expanded = '';
  let copied = 0;
  for (const { text, end } of names) {
    expanded += `${code.slice(copied, end)}: ${text}`;
    copied = end;
  }
  expanded += code.slice(copied);

  const places = names.map(({ text, start, end }) => {
    const { line, character } = ts.getLineAndCharacterOfPosition(source, end);
    return { line, character, inserted: text.length + 2, length: end - start };
  });
  const toOriginal = ({ line, character, ...rest }) => {
    let shift = 0;
    for (const place of places) {
      if (place.line !== line || character <= place.character + shift) continue;
      const inside = character - shift - place.character;
      if (inside < place.inserted) return { ...rest, line, character: place.character - place.length };
      shift += place.inserted;
    }
    return { ...rest, line, character: character - shift };
  };
  return { code: expanded, toOriginal };
}
