import { dataFolder } from '../data-folder.js';
import type { Presence, Source } from './registry.js';
import { type Verdict, verifyFile } from './verify.js';

/** What `pnpm primal data doctor` says about a set. */
export interface Finding {
  readonly source: Source;
  /** `part`: some of it is there. `damaged`: a file or its content is not what it should be. */
  readonly state: 'ok' | 'part' | 'missing' | 'damaged';
  readonly presence: Presence;
  readonly verdicts: readonly Verdict[];
  /** What loading it gave; undefined where it was not loaded. */
  readonly counts?: string;
  /** What is wrong with its content. */
  readonly fault?: string;
}

/** Options of {@link examine}. */
export interface ExamineOptions {
  /** Default: `dataFolder()`. */
  folder?: string;
  /** Only look for files, and read none. */
  quick?: boolean;
}

/** Looks for a set, compares its files with what is known about them, and loads it to count what is in it. */
export async function examine(source: Source, options: ExamineOptions = {}): Promise<Finding> {
  const folder = options.folder ?? dataFolder();
  const presence = await source.find(folder);
  const complete = presence.missing.length === 0;
  const found = { source, presence, verdicts: [] as Verdict[] };
  if (presence.files.length === 0 && !complete) return { ...found, state: 'missing' };
  if (options.quick) return { ...found, state: complete ? 'ok' : 'part' };
  for (const file of presence.files) found.verdicts.push(await verifyFile(source, file));
  const wrong = found.verdicts.find(({ kind }) => kind === 'wrong');
  if (wrong) return { ...found, state: 'damaged', fault: `${wrong.file.place}: ${wrong.note}` };
  if (!complete && !source.countsParts) return { ...found, state: 'part' };
  try {
    return { ...found, state: complete ? 'ok' : 'part', counts: await source.count(folder) };
  } catch (error) {
    return { ...found, state: 'damaged', fault: (error as Error).message };
  }
}
