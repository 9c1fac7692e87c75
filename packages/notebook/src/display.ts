import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Representations of one thing, by MIME type; the front end shows the richest that it can. */
export type MimeBundle = Record<string, unknown>;

/** What tslab offers to the code of a cell. */
type WriteDisplayData = (
  message: { data: MimeBundle; metadata: object; transient: { display_id?: string } },
  update: boolean,
) => void;

/**
 * Sends a bundle to the running cell's output, or, with `update`, in place of what has that id. False when this is not
 * a notebook.
 */
export function display(bundle: MimeBundle, id?: string, update = false): boolean {
  const write = notebookWriter();
  if (!write) return false;
  write({ data: bundle, metadata: {}, transient: id === undefined ? {} : { display_id: id } }, update);
  return true;
}

/** Whether this code runs in a notebook's cell. */
export function inNotebook(): boolean {
  return notebookWriter() !== null;
}

/**
 * The writer of the tslab that runs this process. tslab may be loaded from anywhere, and replaces its writer with each
 * cell: so it is looked up among the loaded modules, at each call.
 */
function notebookWriter(): WriteDisplayData | null {
  for (const [file, module] of Object.entries(require.cache)) {
    if (!/[/\\]tslab[/\\]dist[/\\]jupyter\.js$/.test(file)) continue;
    const { lastWriteDisplayData: write } = module!.exports as { lastWriteDisplayData?: WriteDisplayData };
    if (write) return write;
  }
  return null;
}
