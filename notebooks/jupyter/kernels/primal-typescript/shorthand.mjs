/**
 * Writes what tslab converts wrongly in words that it converts well: `{ loss }` as `{ loss: loss }`, and in patterns
 * `{ loss: l } = …` as `{ "loss": l } = …`.
 *
 * tslab turns the names of earlier cells' variables into properties of an object that holds them. It overlooks those in
 * shorthand properties, which then are a ReferenceError, and takes for one of them the name of a property whose type comes
 * from an earlier cell. Written so, both mean the same and are understood.
 */
import { ts } from './cell-lines.mjs';

/** The code so written, and the way back from its places, `{ line, character }` from 0, to the cell's own. */
export function expandShorthand(code) {
  const source = ts.createSourceFile('cell.ts', code, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS);
  /** What is inserted at which offset; a place within it means that of `home`. */
  const insertions = [];
  const quote = (name) => {
    if (name === undefined || !ts.isIdentifier(name)) return;
    const home = name.getStart(source);
    insertions.push({ at: home, text: '"', home }, { at: name.end, text: '"', home });
  };
  const visit = (node, assigned) => {
    // `{ a = 1 } = b` is a pattern with a default value; it cannot be written so, and needs not.
    if (ts.isShorthandPropertyAssignment(node) && !node.objectAssignmentInitializer) {
      if (assigned) quote(node.name);
      insertions.push({ at: node.name.end, text: `: ${node.name.text}`, home: node.name.getStart(source) });
    }
    if (ts.isBindingElement(node)) quote(node.propertyName);
    if (assigned && ts.isPropertyAssignment(node)) quote(node.name);
    ts.forEachChild(node, (child) => visit(child, assigned || isAssigned(child, node)));
  };
  visit(source, false);
  insertions.sort((a, b) => a.at - b.at);

  let expanded = '';
  let copied = 0;
  for (const { at, text } of insertions) {
    expanded += code.slice(copied, at) + text;
    copied = at;
  }
  expanded += code.slice(copied);

  const placeOf = (offset) => ts.getLineAndCharacterOfPosition(source, offset);
  const places = insertions.map(({ at, text, home }) => ({
    ...placeOf(at),
    inserted: text.length,
    home: placeOf(home).character,
  }));
  const toOriginal = ({ line, character, ...rest }) => {
    let shift = 0;
    for (const place of places) {
      if (place.line !== line || character <= place.character + shift) continue;
      const inside = character - shift - place.character;
      if (inside < place.inserted) return { ...rest, line, character: place.home };
      shift += place.inserted;
    }
    return { ...rest, line, character: character - shift };
  };
  return { code: expanded, toOriginal };
}

/** Whether a child of `parent` is a pattern that is assigned to. */
function isAssigned(child, parent) {
  if (ts.isForOfStatement(parent)) return child === parent.initializer;
  return (
    ts.isBinaryExpression(parent) &&
    parent.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
    child === parent.left
  );
}
