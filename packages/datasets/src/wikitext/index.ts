export { contiguousBatches, textPieces } from './batches.js';
export { type LoadWikitextOptions, loadWikitext, type Wikitext, type WikitextSplit } from './load.js';
export { specials, Vocabulary, type VocabularyOptions } from './vocabulary.js';
