import { createRequire } from 'node:module';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  notebookProgress,
  type ProgressState,
  renderPng,
  show,
  showImage,
  table,
  toMarkdown,
} from './index.js';
import { exampleFigures } from './testing/example-figures.js';

interface Message {
  data: Record<string, unknown>;
  metadata: object;
  transient: { display_id?: string };
  update: boolean;
}

const cache = createRequire(import.meta.url).cache;
const TSLAB = '/somewhere/node_modules/tslab/dist/jupyter.js';
const printed: string[] = [];
const warned: string[] = [];

beforeEach(() => {
  printed.length = 0;
  warned.length = 0;
  vi.spyOn(console, 'log').mockImplementation((text: string) => void printed.push(text));
  vi.spyOn(console, 'error').mockImplementation((text: string) => void warned.push(text));
});
afterEach(() => {
  delete cache[TSLAB];
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** What a process that tslab runs looks like to a package: its module is loaded, and has a writer once a cell runs. */
function pretendNotebook(running = true): Message[] {
  const messages: Message[] = [];
  const lastWriteDisplayData = (message: Omit<Message, 'update'>, update: boolean): void => {
    // As they go over the wire.
    messages.push(JSON.parse(JSON.stringify({ ...message, update })));
  };
  cache[TSLAB] = {
    exports: { lastWriteDisplayData: running ? lastWriteDisplayData : null },
  } as NodeJS.Module;
  return messages;
}

describe('showImage', () => {
  const png = renderPng(exampleFigures['line-log-gaps']());

  it('sends the picture', () => {
    const messages = pretendNotebook();
    showImage(png);
    expect(messages.map(({ data }) => data)).toEqual([{ 'image/png': Buffer.from(png).toString('base64') }]);
  });

  it('says outside a notebook what to do, and refuses what is no picture', () => {
    showImage(png);
    expect(warned).toEqual(['showImage: this is not a notebook; write the bytes to a file instead']);
    expect(() => showImage(png.subarray(1))).toThrow(/expected the bytes of a PNG file/);
  });
});

describe('show', () => {
  const figure = exampleFigures['line-log-gaps']();

  it('sends one bundle of the interactive figure and its PNG', () => {
    const messages = pretendNotebook();
    show(figure);
    expect(messages).toHaveLength(1);
    const [{ data, update, transient }] = messages;
    expect(Object.keys(data).sort()).toEqual(['application/vnd.plotly.v1+json', 'image/png']);
    expect(data['application/vnd.plotly.v1+json']).toEqual(figure);
    expect(Buffer.from(data['image/png'] as string, 'base64')).toEqual(Buffer.from(renderPng(figure)));
    expect([update, transient]).toEqual([false, {}]);
    expect([printed, warned]).toEqual([[], []]);
  });

  it('says outside a notebook how to write a file', () => {
    show(figure);
    pretendNotebook(false);
    show(figure);
    expect(warned).toHaveLength(2);
    expect(warned[1]).toContain("writeFigure(figure, 'figure.svg')");
    expect(printed).toEqual([]);
  });
});

describe('table', () => {
  const rows = [
    { model: 'Primal. <b>|\n', accuracy: 0.98649, epochs: 100 },
    { model: 'Trans.', accuracy: Number.NaN, parameters: 12345678 },
    { model: null, accuracy: 1 },
  ];
  const markdown = [
    '| model          | accuracy | epochs | parameters |',
    '| -------------- | -------: | -----: | ---------: |',
    '| Primal. <b>\\|  |   0.9865 |    100 |          – |',
    '| Trans.         |      NaN |      – |   12345678 |',
    '| –              |        1 |      – |          – |',
  ].join('\n');

  it('is HTML and text in a notebook', () => {
    const messages = pretendNotebook();
    table(rows);
    expect(messages).toHaveLength(1);
    const { 'text/html': html, 'text/plain': plain } = messages[0].data;
    expect(plain).toBe(markdown);
    expect(html).toContain('<td style="text-align: left">Primal. &lt;b&gt;|\n</td>');
    expect(html).toContain('<td style="text-align: right">0.9865</td>');
    expect((html as string).match(/<tr>/g)).toHaveLength(4);
    expect(printed).toEqual([]);
  });

  it('is Markdown elsewhere', () => {
    table(rows);
    expect(printed).toEqual([markdown]);
    expect(toMarkdown(rows)).toBe(markdown);
  });

  it('aligns numbers to the right, also those written as text', () => {
    const rows = [
      { a: '98.60', b: '−0.3', c: '1e-7', d: '1 of 2' },
      { a: 'NaN', b: '+12', c: '5 %', d: '3' },
      { a: '15.5×', b: undefined, c: '1,024', d: '4' },
    ];
    expect(toMarkdown(rows).split('\n')[1]).toBe('| ----: | ---: | ----: | ------ |');
  });

  it('refuses to be empty', () => {
    expect(() => toMarkdown([])).toThrow('table: got no rows with columns');
  });
});

describe('notebookProgress', () => {
  const totalSteps = 10_000;
  const stateAt = (step: number, change: Partial<ProgressState> = {}): ProgressState => ({
    ...{ step, totalSteps, epoch: Math.ceil(step / 1000), totalEpochs: 10, loss: 1 / step, accuracy: 0.5 },
    ...{ stepsPerSecond: 123.4, etaSeconds: (totalSteps - step) / 100 },
    ...change,
  });

  /** 10,000 steps of so many milliseconds each. */
  function play(milliseconds: number): void {
    vi.useFakeTimers({ toFake: ['performance'] });
    const sink = notebookProgress();
    for (let step = 1; step <= totalSteps; step++) {
      vi.advanceTimersByTime(milliseconds);
      sink.update(stateAt(step));
    }
    sink.message('done');
    sink.close();
    sink.close();
  }

  it('rewrites one output at most ten times a second, and ends with the last state', () => {
    for (const milliseconds of [0.1, 1]) {
      const messages = pretendNotebook();
      play(milliseconds);
      expect(messages.length).toBeLessThanOrEqual((totalSteps * milliseconds) / 100 + 2);
      expect(messages.length).toBeGreaterThan((totalSteps * milliseconds) / 200);
      expect(messages.map(({ update }) => update)).toEqual(messages.map((_, i) => i > 0));
      expect(new Set(messages.map(({ transient }) => transient.display_id)).size).toBe(1);
      const { 'text/plain': text, 'text/html': html } = messages.at(-1)!.data;
      expect(text).toBe('epoch 10/10  step 10000/10000  loss 1.00e-4  accuracy 50.0 %  123 steps/s');
      expect(html).toContain('value="10000" max="10000"');
      expect(html).toContain(text);
    }
    expect(printed).toEqual(['done', 'done']);
  });

  it('keeps two displays apart', () => {
    const messages = pretendNotebook();
    for (const sink of [notebookProgress(), notebookProgress()]) sink.update(stateAt(1));
    expect(messages.map(({ update }) => update)).toEqual([false, false]);
    expect(new Set(messages.map(({ transient }) => transient.display_id)).size).toBe(2);
  });

  it('prints few lines outside a notebook', () => {
    play(5); // 50 s
    expect(printed.length).toBeLessThanOrEqual(8);
    expect(printed[0]).toBe(
      'epoch 1/10  step 1/10000  loss 1.0000  accuracy 50.0 %  123 steps/s  ETA 1 min 40 s',
    );
    expect(printed.slice(-2)).toEqual([
      'done',
      'epoch 10/10  step 10000/10000  loss 1.00e-4  accuracy 50.0 %  123 steps/s',
    ]);
  });

  it('shows only what is known', () => {
    const messages = pretendNotebook();
    const unknown = { epoch: 0, loss: Number.NaN, accuracy: undefined, stepsPerSecond: 0 };
    notebookProgress().update(stateAt(0, { ...unknown, etaSeconds: Number.POSITIVE_INFINITY }));
    notebookProgress().update(stateAt(5, { loss: Number.NaN, etaSeconds: 7300 }));
    expect(messages.map(({ data }) => data['text/plain'])).toEqual([
      'epoch 0/10  step 0/10000',
      'epoch 1/10  step 5/10000  loss NaN  accuracy 50.0 %  123 steps/s  ETA 2 h 1 min',
    ]);
  });

  it('has nothing to show when it was never updated', () => {
    const messages = pretendNotebook();
    notebookProgress().close();
    expect(messages).toEqual([]);
  });
});
