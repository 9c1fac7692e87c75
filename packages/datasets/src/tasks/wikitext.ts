import { type Columns, column } from '../arrays.js';
import { cached, type Json, sourceSum } from '../cache/index.js';
import { dataFolder } from '../data-folder.js';
import { finders } from '../sources/finders.js';
import { type LoadWikitextOptions, loadWikitext, Vocabulary, type Wikitext } from '../wikitext/index.js';
import type { TaskOptions } from './cached-set.js';

/** `loadWikitext` through the cache; the vocabulary is made from the text. */
export async function cachedWikitext(
  settings: Omit<LoadWikitextOptions, 'folder' | 'vocabulary'>,
  { data = dataFolder(), ...options }: TaskOptions = {},
): Promise<Wikitext> {
  const { files } = await finders[settings.set](data);
  const sources = [];
  for (const { path, place } of files) sources.push(await sourceSum(path, place));
  const { splits, facts } = await cached<{ entries: string[] } & Json>(
    { name: settings.set, version: 1, options: { ...settings } as Json, sources },
    async () => {
      const text = await loadWikitext({ ...settings, folder: data });
      const columns: Record<string, Columns> = {};
      for (const [split, ids] of Object.entries(text.splits))
        columns[split] = { ids: column(ids, [ids.length]) };
      return { splits: columns, facts: { entries: [...text.vocabulary.entries] } };
    },
    options,
  );
  const ids = Object.entries(splits).map(([split, columns]) => [split, columns.ids.data as Int32Array]);
  return { vocabulary: new Vocabulary(facts.entries), splits: Object.fromEntries(ids) };
}
