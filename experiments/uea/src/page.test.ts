import { describe, expect, it } from 'vitest';
import { page } from './page.js';
import { inPaperOrder, tableRow } from './rows.js';
import { loadRun, runIds } from './summary.js';

describe('the page', () => {
  it('shows the table, the figures with what they show in words, and where the runs come from', () => {
    const runs = inPaperOrder(
      runIds()
        .filter((id) => id.startsWith('japanese-vowels-'))
        .map((id) => loadRun(id)),
    );
    const rows = runs.map(tableRow);
    const html = page(runs, rows);
    for (const { model, ours } of rows) {
      expect(html).toContain(`<td class="text">${model}</td><td>${ours.toFixed(1)}</td>`);
    }
    // Accuracy, cross entropy, KSVD loss, and the spectra of two layers.
    expect(html.match(/<figure class="chart">/g)!.length).toBe(5);
    expect(html).toContain(
      'alt="Test accuracy on JapaneseVowels: lines for Trans., Primal., Primal.+Trans."',
    );
    for (const { summary } of runs) expect(html).toContain(summary.provenance.commit);
  });
});
