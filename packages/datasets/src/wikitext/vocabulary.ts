/** How a vocabulary is built. */
export interface VocabularyOptions {
  /** Words that occur less often become `<unk>`. Default 1: none. */
  leastCount?: number;
  /** The number of entries is filled up to a multiple of this, as fairseq does (with 8). Default 8. */
  multipleOf?: number;
}

/** Entries that are no words: as in fairseq, with these ids. */
export const specials = ['<s>', '<pad>', '</s>', '<unk>'] as const;
/** Id of the end of a line. */
export const endOfLine = 2;
/** Id of words that the vocabulary lacks. */
export const unknown = 3;

/**
 * A word vocabulary as fairseq builds it: four special entries, then words by falling frequency, those of equal frequency in the
 * order of their code points, then `madeupword0000`, … up to a multiple of 8.
 *
 * A word `<unk>` of the text is the special entry.
 */
export class Vocabulary {
  private readonly ids: ReadonlyMap<string, number>;

  /** @param entries all, the special ones first */
  constructor(readonly entries: readonly string[]) {
    const ids = new Map<string, number>();
    for (const [id, entry] of entries.entries()) {
      if (id < specials.length && entry !== specials[id]) {
        throw new Error(`Vocabulary: entry ${id} must be ${specials[id]}, got '${entry}'`);
      }
      if (ids.has(entry)) throw new Error(`Vocabulary: '${entry}' stands at ${ids.get(entry)} and ${id}`);
      ids.set(entry, id);
    }
    if (entries.length < specials.length) throw new Error(`Vocabulary: the special entries are missing`);
    this.ids = ids;
  }

  static fromCounts(counts: ReadonlyMap<string, number>, options: VocabularyOptions = {}): Vocabulary {
    const { leastCount = 1, multipleOf = 8 } = options;
    for (const [name, value] of Object.entries({ leastCount, multipleOf })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new Error(`Vocabulary: ${name} must be a whole number from 1 on, got ${value}`);
      }
    }
    const isSpecial = new Set<string>(specials);
    const words = [...counts].filter(([word, count]) => count >= leastCount && !isSpecial.has(word));
    words.sort(([a, countA], [b, countB]) => countB - countA || compareCodePoints(a, b));
    const entries: string[] = [...specials, ...words.map(([word]) => word)];
    for (let i = 0; entries.length % multipleOf !== 0; i++) {
      entries.push(`madeupword${String(i).padStart(4, '0')}`);
    }
    return new Vocabulary(entries);
  }

  get size(): number {
    return this.entries.length;
  }

  /** The id of a word; that of `<unk>` where it is not known. */
  id(word: string): number {
    return this.ids.get(word) ?? unknown;
  }
}

/** As Python orders strings; JavaScript compares halves of the characters beyond the first plane. */
function compareCodePoints(a: string, b: string): number {
  const [left, right] = [a[Symbol.iterator](), b[Symbol.iterator]()];
  for (;;) {
    const [x, y] = [left.next(), right.next()];
    if (x.done || y.done) return Number(x.done !== true) - Number(y.done !== true);
    const difference = x.value.codePointAt(0)! - y.value.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
}
