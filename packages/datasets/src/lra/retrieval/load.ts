import type { Buffer } from 'node:buffer';
import { fileBytes } from '../../archives/index.js';
import { type Columns, column, type Splits } from '../../arrays.js';
import { eachLine } from '../../lines.js';
import { locate, orGzip } from '../../locate.js';
import { type ByteRowOptions, ByteRows, byteVocabulary } from '../byte-rows.js';

/**
 * The Retrieval set. Columns: `ids0` and `ids1` [samples, rowLength], uint8, byte + 1 or 0, the two papers, and `labels` [samples],
 * uint8: 1 where the one cites the other.
 */
export interface RetrievalSet extends Splits<'ids0' | 'ids1' | 'labels'> {
  readonly vocabulary: number;
  readonly classes: number;
  readonly length: number;
  /** Papers that were longer than `maxBytes` and were cut. */
  readonly truncated: number;
}

/** Options of {@link loadRetrieval}. */
export interface LoadRetrievalOptions extends ByteRowOptions {
  /** Default: `dataFolder()`. */
  folder?: string;
  /** `published` (default): 147,086, 18,090 and 17,437 pairs. */
  sizes?: 'published' | 'any';
}

const published = { train: 147_086, eval: 18_090, test: 17_437 } as const;

/**
 * Loads LRA's Retrieval task, pairs of papers of the ACL Anthology Network as bytes: the official `new_aan_pairs.{train,eval,test}.tsv`,
 * plain or with gzip, from `lra/retrieval/` or from the unpacked release (`lra_release/tsv_data/`). Lines: label (`0.0`, `1.0`), two ids,
 * two texts, separated by tabs; no header, no quotes.
 *
 * How ours differs from the published pipeline: the pairs stay in the files' order, which there is shuffled without a seed.
 *
 * @throws Error with file and line for a line without five fields, another label, an empty text; and for a split of another size
 */
export async function loadRetrieval(options: LoadRetrievalOptions = {}): Promise<RetrievalSet> {
  let truncated = 0;
  let length = 0;
  const load = async (split: keyof typeof published): Promise<Columns<'ids0' | 'ids1' | 'labels'>> => {
    const file = `new_aan_pairs.${split}.tsv`;
    const path = locate(
      {
        caller: 'loadRetrieval',
        set: `the AAN pairs (${split})`,
        source: 'https://storage.googleapis.com/long-range-arena/lra_release.gz',
        places: orGzip(
          `lra/retrieval/${file}`,
          `lra_release/tsv_data/${file}`,
          `lra_release/lra_release/tsv_data/${file}`,
        ),
      },
      options.folder,
    );
    const samples = await countPairs(path);
    if ((options.sizes ?? 'published') === 'published' && samples !== published[split]) {
      throw new Error(
        `loadRetrieval: ${path}: ${samples} pairs, expected ${published[split]}; for another set pass { sizes: 'any' }`,
      );
    }
    const rows = [new ByteRows(samples, options), new ByteRows(samples, options)];
    const labels = new Uint8Array(samples);
    await eachPair(path, (index, label, texts, fail) => {
      labels[index] = label;
      for (const side of [0, 1]) rows[side].add(texts[side], fail);
    });
    truncated += rows[0].truncated + rows[1].truncated;
    length = rows[0].rowLength;
    const shape = [samples, length];
    return {
      ids0: column(rows[0].ids, shape),
      ids1: column(rows[1].ids, shape),
      labels: column(labels, [samples]),
    };
  };
  const [train, dev, test] = [await load('train'), await load('eval'), await load('test')];
  return { train, dev, test, vocabulary: byteVocabulary, classes: 2, length, truncated };
}

/** A first pass, so that the rows are made once, in their final size: the train set has 1.2 GB. */
function countPairs(path: string): Promise<number> {
  return eachLine(fileBytes(path), path, () => {});
}

async function eachPair(
  path: string,
  take: (index: number, label: number, texts: Buffer[], fail: (message: string) => never) => void,
): Promise<void> {
  await eachLine(fileBytes(path), path, (line, number) => {
    const fail = (message: string): never => {
      throw new Error(`loadRetrieval: ${path}:${number}: ${message}`);
    };
    const fields: Buffer[] = [];
    let start = 0;
    for (let tab = line.indexOf(0x09); tab >= 0; tab = line.indexOf(0x09, start)) {
      fields.push(line.subarray(start, tab));
      start = tab + 1;
    }
    fields.push(line.subarray(start));
    if (fields.length !== 5) {
      fail(`expected 5 fields (label, 2 ids, 2 texts) separated by tabs, got ${fields.length}`);
    }
    const label = fields[0].toString('latin1');
    if (!/^[01](?:\.0*)?$/.test(label)) fail(`the label must be 0 or 1, got '${label.slice(0, 20)}'`);
    for (const side of [0, 1]) if (fields[3 + side].length === 0) fail(`text ${side + 1} is empty`);
    take(number - 1, Number(label), fields.slice(3), fail);
  });
}
