import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes a notebook of these cells for the TypeScript kernel into `folder`. */
export function makeNotebook(folder, name, sources) {
  const cells = sources.map((source, index) => ({
    cell_type: 'code',
    id: `cell-${index + 1}`,
    metadata: {},
    execution_count: null,
    outputs: [],
    source,
  }));
  const kernelspec = {
    display_name: 'TypeScript (primal-attention)',
    language: 'typescript',
    name: 'primal-typescript',
  };
  const notebook = { cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 };
  writeFileSync(join(folder, name), JSON.stringify(notebook));
}
