/// <reference lib="dom" />
/** What runs in the reader's browser. */

/** The part of Plotly that is used. */
export interface BrowserPlotly {
  newPlot(element: object, data: unknown, layout: object, config: object): Promise<unknown>;
  relayout(element: object, update: object): Promise<unknown>;
}

/**
 * Draws each figure of the page as an interactive one, as wide as there is room, in place of its still image; redraws it when
 * the room changes. Its own source is put into the page: it can use nothing from around it.
 */
export function drawFigures(plotly: BrowserPlotly): void {
  /** Below this width the legend does not fit beside the plot. */
  const narrow = 560;
  for (const chart of document.querySelectorAll('figure.chart')) {
    const still = chart.querySelector<HTMLImageElement>('img.still')!;
    const figure = JSON.parse(chart.querySelector('script')!.textContent!) as {
      data: unknown;
      layout: { width: number; height: number; legend?: object };
      config: object;
    };
    const live = document.createElement('div');
    live.className = 'live';
    live.setAttribute('role', 'img');
    live.setAttribute('aria-label', still.alt);
    chart.insertBefore(live, still);
    chart.classList.add('drawn');
    const fitted = (): { width: number; height: number; legend: object } => {
      const width = Math.min(live.clientWidth, figure.layout.width);
      return width < narrow
        ? {
            width,
            height: figure.layout.height + 110,
            legend: { ...figure.layout.legend, orientation: 'h', x: 0, y: -0.32 },
          }
        : { width, height: figure.layout.height, legend: { orientation: 'v', ...figure.layout.legend } };
    };
    let size = fitted();
    plotly
      .newPlot(live, figure.data, { ...figure.layout, ...size }, { ...figure.config, displayModeBar: false })
      .then(() => chart.classList.add('ready'));
    new ResizeObserver(() => {
      // On paper the still image is shown, and this element has no width.
      if (live.clientWidth === 0) return;
      const next = fitted();
      if (next.width === size.width) return;
      size = next;
      void plotly.relayout(live, next);
    }).observe(live);
  }
}
