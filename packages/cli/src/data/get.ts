import { dataFolder, getSource, type Source } from '@primal-attention/datasets';
import { showProgress } from './progress.js';

/** `primal data get`. */
export async function get(source: Source, from: string | undefined): Promise<void> {
  console.log(`${source.title} into ${dataFolder()}\nTerms: ${source.terms}`);
  const progress = showProgress(process.stderr);
  try {
    const lines = await getSource(source, {
      from,
      progress: progress.update,
      say: (line) => {
        progress.end();
        console.error(line);
      },
    });
    progress.end();
    for (const line of lines) console.log(line);
  } finally {
    progress.end();
  }
}
