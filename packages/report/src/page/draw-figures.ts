/// <reference lib="dom" />
/** What runs in the reader's browser. */

/** The part of Plotly that is used. */
export interface BrowserPlotly {
  newPlot(element: object, data: unknown, layout: object, config: object): Promise<unknown>;
  react(element: object, data: unknown, layout: object, config: object): Promise<unknown>;
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
      data: { name?: string; showlegend?: boolean; texttemplate?: string }[];
      layout: { width: number; height: number; margin: { t: number }; showlegend?: boolean; legend?: object };
      config: object;
    };
    const config = { ...figure.config, displayModeBar: false };
    const live = document.createElement('div');
    live.className = 'live';
    live.setAttribute('role', 'img');
    live.setAttribute('aria-label', still.alt);
    chart.insertBefore(live, still);
    chart.classList.add('drawn');

    /** The figure in so many pixels. In a narrow one the legend stands above the plot, and bars have no numbers, which would overlap. */
    const fitted = (width: number): [data: object[], layout: object] => {
      const { data, layout } = figure;
      if (width >= narrow) return [data, { ...layout, width }];
      const names = layout.showlegend
        ? data.filter(({ showlegend }) => showlegend !== false).map(({ name }) => name ?? '')
        : [];
      const room = names.reduce((sum, name) => sum + 5 + 15 * name.split('<br>').length, 0);
      const height = layout.height + room;
      const top = layout.margin.t;
      return [
        data.map(({ texttemplate, ...trace }) => trace),
        {
          ...{ ...layout, width, height, margin: { ...layout.margin, t: top + room } },
          legend: { ...layout.legend, x: 0, yref: 'container', y: 1 - (top - 8) / height },
        },
      ];
    };
    const roomFor = (): number => Math.min(live.clientWidth, figure.layout.width);
    let width = roomFor();
    plotly.newPlot(live, ...fitted(width), config).then(() => chart.classList.add('ready'));
    new ResizeObserver(() => {
      // On paper the still image is shown, and this element has no width.
      if (live.clientWidth === 0 || roomFor() === width) return;
      width = roomFor();
      void plotly.react(live, ...fitted(width), config);
    }).observe(live);
  }
}
