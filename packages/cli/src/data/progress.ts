interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Shows how far a download is: one line that is rewritten on a terminal, else a line each tenth of the file or 100 MB. */
export function showProgress(output: Output): {
  update: (name: string, done: number, total: number | undefined) => void;
  end: () => void;
} {
  let shown = 0;
  let mark = '';
  let open = false;
  const end = (): void => {
    if (open) output.write('\n');
    open = false;
  };
  const update = (name: string, done: number, total: number | undefined): void => {
    const share = total ? ` of ${megabytes(total)} (${Math.floor((100 * done) / total)} %)` : '';
    const text = `${name}: ${megabytes(done)}${share}`;
    if (output.isTTY) {
      const now = Date.now();
      if (now - shown < 100 && done !== total) return;
      shown = now;
      output.write(`\r${text}\x1b[K`);
      open = true;
      return;
    }
    const next = `${name} ${total ? Math.floor((10 * done) / total) : Math.floor(done / 1e8)}`;
    if (next === mark) return;
    mark = next;
    output.write(`${text}\n`);
  };
  return { update, end };
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
