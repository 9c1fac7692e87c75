import { fileBytes } from '../../archives/index.js';
import { eachLine } from '../../lines.js';
import { locate, orGzip } from '../../locate.js';
import { evaluate } from './evaluate.js';
import {
  type ListOpsExpression,
  type ListOpsRows,
  type ListOpsSet,
  listOpsFacts,
  listOpsRows,
} from './make.js';
import { ExpressionError, tokenize } from './tokens.js';

/** Options of {@link readListOps}. */
export interface ReadListOpsOptions {
  /** Checks that each label is the value of its expression. Default true. */
  verify?: boolean;
}

/**
 * Reads a ListOps TSV, plain or packed with gzip: LRA's form (header `Source<tab>Target`, then expression, tab, label) or that of
 * the original sets (label, tab, expression; no header). Lines end in LF or CRLF.
 *
 * @throws Error with file and line for a line without exactly one tab, a label that is not 0 to 9, an expression that is none, a
 * label that is not its expression's value, a file without expressions
 */
export async function readListOps(
  path: string,
  options: ReadListOpsOptions = {},
): Promise<ListOpsExpression[]> {
  const expressions: ListOpsExpression[] = [];
  let labelFirst = true;
  await eachLine(fileBytes(path), path, (line, number) => {
    const fail = (message: string): never => {
      throw new Error(`readListOps: ${path}:${number}: ${message}`);
    };
    const tab = line.indexOf(0x09);
    if (number === 1 && line.toString('latin1') === 'Source\tTarget') {
      labelFirst = false;
      return;
    }
    if (tab < 0 || line.indexOf(0x09, tab + 1) >= 0) {
      const got = line.length === 0 ? 'the line is empty' : `got '${line.toString('utf8', 0, 40)}'`;
      fail(`expected ${labelFirst ? 'label<tab>expression' : 'expression<tab>label'}, ${got}`);
    }
    const [first, second] = [line.subarray(0, tab), line.subarray(tab + 1)];
    const [label, source] = labelFirst ? [first, second] : [second, first];
    const value = label.length === 1 ? label[0] - 0x30 : -1;
    if (value < 0 || value > 9) {
      const hint = number === 1 ? ' (a header line must be Source<tab>Target)' : '';
      fail(`the label must be 0 to 9, got '${label.toString('utf8', 0, 20)}'${hint}`);
    }
    try {
      const ids = tokenize(source);
      if (options.verify ?? true) {
        const { value: expected } = evaluate(ids);
        if (expected !== value) fail(`the label is ${value}, but the expression is worth ${expected}`);
      }
      expressions.push({ ids, value });
    } catch (error) {
      if (error instanceof ExpressionError) fail(error.message);
      throw error;
    }
  });
  if (expressions.length === 0)
    throw new Error(`readListOps: ${path}: the file has a header but no expression`);
  return expressions;
}

/** Options of {@link loadListOps}. */
export interface LoadListOpsOptions extends ListOpsRows, ReadListOpsOptions {
  /** Default: `dataFolder()`. */
  folder?: string;
  /** `published` (default): the files must have LRA's 96,000, 2,000 and 2,000 expressions. */
  sizes?: 'published' | 'any';
}

const releases = 'https://storage.googleapis.com/long-range-arena/lra_release.gz';

/**
 * Loads LRA's own ListOps files, `basic_{train,val,test}.tsv`, from `lra/listops/` or from the unpacked release
 * (`lra_release/listops-1000/`), plain or with gzip. To generate a set instead: `generateListOps`.
 */
export async function loadListOps(options: LoadListOpsOptions = {}): Promise<ListOpsSet> {
  const published = { train: 96_000, val: 2000, test: 2000 };
  let truncated = 0;
  const load = async (split: keyof typeof published) => {
    const file = `basic_${split}.tsv`;
    const path = locate(
      {
        caller: 'loadListOps',
        set: 'ListOps of LRA',
        source: releases,
        places: orGzip(
          `lra/listops/${file}`,
          `lra_release/listops-1000/${file}`,
          `lra_release/lra_release/listops-1000/${file}`,
        ),
      },
      options.folder,
    );
    const expressions = await readListOps(path, options);
    if ((options.sizes ?? 'published') === 'published' && expressions.length !== published[split]) {
      throw new Error(
        `loadListOps: ${path}: ${expressions.length} expressions, expected ${published[split]}; ` +
          "for another set pass { sizes: 'any' }",
      );
    }
    const rows = listOpsRows(expressions, options);
    truncated += rows.truncated;
    return rows.columns;
  };
  const [train, dev, test] = [await load('train'), await load('val'), await load('test')];
  return { ...listOpsFacts(options), train, dev, test, truncated };
}
