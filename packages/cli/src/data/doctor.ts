import { dataFolder, examine, type Finding, type Source } from '@primal-attention/datasets';

/** `primal data doctor`. @returns 1 if something is damaged, or a set that was named is not whole */
export async function doctor(
  chosen: readonly Source[],
  options: { quick: boolean; required: boolean },
): Promise<number> {
  console.log(`Data folder: ${dataFolder()}\n`);
  const width = Math.max(...chosen.map(({ name }) => name.length));
  const row = (name: string, state: string, files: string, content: string): string =>
    `${name.padEnd(width)}  ${state.padEnd(7)}  ${files.padEnd(26)}  ${content}`.trimEnd();
  console.log(row('set', 'state', 'files', 'content'));
  const findings: Finding[] = [];
  for (const source of chosen) {
    const finding = await examine(source, { quick: options.quick });
    findings.push(finding);
    // One at a time: reading takes a while.
    console.log(row(source.name, finding.state, filesOf(finding), finding.counts ?? ''));
  }
  if (!options.quick) console.log(`\n${legend}`);
  for (const finding of findings) {
    const lines = remarks(finding);
    if (lines.length > 0) console.log(`\n${finding.source.name}:\n  ${lines.join('\n  ')}`);
  }
  const count = (state: Finding['state']): number => findings.filter((one) => one.state === state).length;
  console.log(
    `\n${count('ok')} ok, ${count('part')} in part, ${count('missing')} missing, ${count('damaged')} damaged.`,
  );
  const bad = options.required ? findings.length - count('ok') : count('damaged');
  return bad > 0 ? 1 : 0;
}

const meaning = {
  known: 'verified',
  stated: 'as published',
  recorded: 'as recorded',
  unknown: 'unverified',
  wrong: 'wrong',
  folder: 'folder',
} as const;

const legend =
  'verified: the bytes that our results were made with; as published: the checksum that the source states; as recorded: the\n' +
  'checksum of the first copy that was fetched, since none is stated; unverified: no checksum is known.';

function filesOf({ presence, verdicts }: Finding): string {
  if (presence.files.length === 0) return presence.form ?? '';
  const form = presence.form ? `${presence.form}: ` : '';
  if (verdicts.length === 0) return `${form}${presence.files.length}`;
  const kinds = new Map<string, number>();
  for (const { kind } of verdicts) kinds.set(meaning[kind], (kinds.get(meaning[kind]) ?? 0) + 1);
  return form + [...kinds].map(([kind, number]) => `${number} ${kind}`).join(', ');
}

/** What a person may want to do something about. */
function remarks({ source, state, presence, verdicts, fault }: Finding): string[] {
  const lines: string[] = [];
  if (fault) lines.push(`damaged: ${fault}`, 'remove it and get it again');
  for (const { kind, file, sha256 } of verdicts) {
    if (kind === 'unknown')
      lines.push(`${file.place}: no official checksum is known to us; SHA-256 here ${sha256}`);
  }
  for (const one of presence.missing) lines.push(`missing: ${one}`);
  if (state === 'missing' || state === 'part') {
    if (source.generate) lines.push(`pnpm primal data get ${source.name} generates it`);
    for (const { url } of source.downloads) lines.push(`official source: ${url}`);
    if (source.downloads.length === 0 && source.byHand) lines.push(`${source.byHand}; see ${source.page}`);
  }
  return lines;
}
