import { isUtf8 } from 'node:buffer';
import { join } from 'node:path';
import { dataFolder } from '../data-folder.js';
import { findFile } from '../files.js';
import { eachLine } from '../lines.js';
import { endOfLine, Vocabulary, type VocabularyOptions } from './vocabulary.js';

/** The splits of a WikiText. */
export type WikitextSplit = 'train' | 'valid' | 'test';

/** Options of {@link loadWikitext}. */
export interface LoadWikitextOptions extends VocabularyOptions {
  /** Which one: `wikitext-103` is the paper's. */
  set: 'wikitext-2' | 'wikitext-103';
  /** Default: `dataFolder()`. */
  folder?: string;
  /** `tokens` (default): rare words are `<unk>`, as in the tables; `raw`: every word is kept. */
  form?: 'tokens' | 'raw';
  /** Default: all three. */
  splits?: readonly WikitextSplit[];
  /** Default: made from train, which then is one of the splits. */
  vocabulary?: Vocabulary;
  /** Checks the published numbers of tokens. Default true. */
  verify?: boolean;
}

/** A text as one row of word ids, line after line, each with an end mark. */
export interface Wikitext {
  readonly vocabulary: Vocabulary;
  readonly splits: Readonly<Partial<Record<WikitextSplit, Int32Array>>>;
}

/** Words and one end mark a line. WikiText-2 and 103 have the same articles in valid and test. */
const published: Readonly<Record<string, Partial<Record<WikitextSplit, number>>>> = {
  'wikitext-2': { train: 2_088_628, valid: 217_646, test: 245_569 },
  'wikitext-103': { train: 103_227_021, valid: 217_646, test: 245_569 },
};

/**
 * Loads a WikiText (Merity et al. 2016) by words: `wiki.{train,valid,test}.tokens` in `wikitext/NAME/`, plain, with gzip, or in the
 * official zip archive. Every line, also an empty one, ends with an end mark; words are what blanks separate.
 *
 * @throws Error with file and line for text that is not UTF-8, and with both numbers for a split that does not have the published
 * number of tokens
 */
export async function loadWikitext(options: LoadWikitextOptions): Promise<Wikitext> {
  const { set, form = 'tokens', splits = ['train', 'valid', 'test'], verify = true } = options;
  if (!Object.hasOwn(published, set)) {
    throw new Error(`loadWikitext: set must be wikitext-2 or wikitext-103, got '${set}'`);
  }
  if (!options.vocabulary && !splits.includes('train')) {
    throw new Error(
      'loadWikitext: the vocabulary is made from train, which is not among the splits: add it, or pass a vocabulary',
    );
  }
  const texts: Partial<Record<WikitextSplit, Text>> = {};
  for (const split of splits) texts[split] = await readText(set, split, form, options.folder ?? dataFolder());
  if (verify) {
    for (const [split, { ids, where }] of Object.entries(texts)) {
      const expected = published[set][split as WikitextSplit];
      if (ids.length === expected) continue;
      throw new Error(
        `loadWikitext: ${where}: ${ids.length} tokens with end marks, expected ${expected} for ${split} of ${set}; ` +
          'for another text pass { verify: false }',
      );
    }
  }
  const vocabulary = options.vocabulary ?? Vocabulary.fromCounts(texts.train!.counts(), options);
  const encoded: Partial<Record<WikitextSplit, Int32Array>> = {};
  for (const split of splits) encoded[split] = texts[split]!.encode(vocabulary);
  return { vocabulary, splits: encoded };
}

/** A text in ids of its own, in the order in which words occur first: the words themselves are kept once. */
class Text {
  private readonly own = new Map<string, number>();
  private used = 0;
  private store = new Int32Array(1 << 16);

  constructor(readonly where: string) {}

  get ids(): Int32Array {
    return this.store.subarray(0, this.used);
  }

  addLine(line: string): void {
    for (const word of line.split(/\s+/)) {
      if (word === '') continue;
      let id = this.own.get(word);
      if (id === undefined) {
        id = this.own.size;
        this.own.set(word, id);
      }
      this.push(id);
    }
    this.push(-1);
  }

  counts(): Map<string, number> {
    const counts = new Float64Array(this.own.size);
    for (const id of this.ids) if (id >= 0) counts[id]++;
    return new Map([...this.own].map(([word, id]) => [word, counts[id]]));
  }

  encode(vocabulary: Vocabulary): Int32Array {
    const newIds = Int32Array.from(this.own.keys(), (word) => vocabulary.id(word));
    return this.ids.map((id) => (id < 0 ? endOfLine : newIds[id]));
  }

  private push(id: number): void {
    if (this.used === this.store.length) {
      const larger = new Int32Array(2 * this.used);
      larger.set(this.store);
      this.store = larger;
    }
    this.store[this.used++] = id;
  }
}

async function readText(
  set: string,
  split: WikitextSplit,
  form: 'tokens' | 'raw',
  folder: string,
): Promise<Text> {
  const below = join(folder, 'wikitext', set);
  const name = `wiki.${split}.${form}`;
  const found = await findFile(below, name);
  if (!found) {
    throw new Error(
      `loadWikitext: ${set} (${split}) is not on this machine: looked in ${below} for ${name}, plain, as .gz, or in a zip ` +
        'archive. It comes from https://huggingface.co/datasets/Salesforce/wikitext; set PRIMAL_DATA to the folder that holds it.',
    );
  }
  const text = new Text(found.where);
  const bytes = await found.read();
  await eachLine(once(bytes), `loadWikitext: ${found.where}`, (line, number) => {
    if (!isUtf8(line)) throw new Error(`loadWikitext: ${found.where}:${number}: the line is not UTF-8`);
    text.addLine(line.toString('utf8'));
  });
  return text;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
