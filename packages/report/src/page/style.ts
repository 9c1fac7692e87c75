/** The look of every page: light and dark by the reader's choice, and on paper. */
export const style = `
:root {
  color-scheme: light dark;
  --page: #ffffff; --text: #1b1f24; --quiet: #525c67; --line: #d5dbe1; --band: #f4f6f8; --accent: #005a8d;
  --better: #00694b; --worse: #a33c00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161b; --text: #e4e8ec; --quiet: #a5afba; --line: #38424d; --band: #1b2129; --accent: #6cb8ea;
    --better: #4fc79e; --worse: #f2935c;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
body { font: 1rem/1.55 system-ui, sans-serif; color: var(--text); background: var(--page); margin: 0; }
header, main, footer { max-width: 78rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.5rem; }
footer { padding-top: 1rem; padding-bottom: 3rem; color: var(--quiet); font-size: .92rem; }
p, ul, ol, dl, figcaption { max-width: 46rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .6rem; text-wrap: balance; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 3.25rem 0 .4rem; }
h3 { font-size: 1rem; margin: 1.6rem 0 .3rem; }
a { color: var(--accent); }
.note { color: var(--quiet); font-size: .92rem; }
.note li { margin: .15rem 0; }
.tally { font-size: 1.05rem; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; margin: .75rem 0; position: relative; }
.scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--quiet); padding-bottom: .35rem; }
caption > span { display: inline-block; position: sticky; left: 0; max-width: min(46rem, 100vw - 2.5rem); }
th, td { padding: .3rem .45rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
thead th { vertical-align: bottom; border-bottom: 2px solid var(--line); }
th { font-weight: 600; }
tbody th, th.text, td.text { text-align: left; }
tbody tr.average > * { border-top: 2px solid var(--line); }
th, td { white-space: nowrap; }
thead th:first-child, tbody th { position: sticky; left: 0; background: var(--page); }
td.numbers .paper { color: var(--quiet); }
td.numbers .ours { display: block; font-weight: 700; }
td.there { background: var(--band); }
td .missing { display: block; color: var(--quiet); }
td.text { white-space: normal; }
td.wide { min-width: 8.5rem; overflow-wrap: break-word; }
.better { color: var(--better); }
.worse { color: var(--worse); }
sup { font-size: .72em; line-height: 0; font-weight: 400; }
figure { margin: 1.5rem 0; max-width: 46rem; }
figure img { max-width: 100%; height: auto; display: block; }
figure.chart.drawn .still { display: none; }
figure.chart .cartesianlayer text, figure.chart .infolayer text { fill: var(--quiet) !important; }
figcaption { color: var(--quiet); font-size: .92rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; font-size: .92rem; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 40rem) {
  table { font-size: .85rem; }
  th, td { padding: .3rem .4rem; }
  /* Beside what stays in sight of a row there must be room for the rest of it. */
  thead th:first-child, tbody th { white-space: normal; min-width: min(11.5rem, 48vw); max-width: 48vw; overflow-wrap: break-word; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .5rem; }
}
@media print {
  @page { size: A4 landscape; margin: 14mm; }
  :root {
    color-scheme: light;
    --page: #fff; --text: #000; --quiet: #444; --line: #bbb; --band: #f2f2f2; --accent: #000; --better: #000; --worse: #000;
  }
  html { font-size: 9.5pt; }
  header, main, footer { max-width: none; padding: 0; }
  p, ul, ol, dl, figcaption { max-width: 62rem; }
  nav { display: none; }
  h2, h3 { break-after: avoid; }
  section > h2 { margin-top: 1.5rem; }
  .scroll { overflow: visible; }
  table { font-size: 8pt; }
  th, td { padding: .15rem .35rem; }
  tr, figure, li, table.whole { break-inside: avoid; }
  thead { display: table-header-group; }
  figure.chart .live { display: none; }
  figure.chart.drawn .still { display: block; }
  th, td { white-space: normal; }
  thead th:first-child, tbody th { position: static; }
  td.numbers { white-space: nowrap; }
  td.wide { min-width: 8rem; }
}
`;
