import { escapeHtml } from './html.js';
import { figureScripts } from './plotly.js';
import { style } from './style.js';

/** What a page consists of. */
export interface PageParts {
  readonly title: string;
  /** HTML below the title. */
  readonly header: string;
  readonly main: string;
  readonly footer: string;
}

/** A page as one HTML file that needs nothing else: style and scripts are in it. */
export function htmlPage({ title, header, main, footer }: PageParts): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
${header}
</header>
<main>
${main}
</main>
<footer>
${footer}
</footer>
${main.includes('<figure class="chart">') ? figureScripts() : ''}
</body>
</html>
`;
}
