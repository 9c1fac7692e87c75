#!/usr/bin/env node
// pnpm notebooks: set-up, then every notebook headless, its outputs written back. `pnpm notebooks --quick` trains less and
// writes nothing, `--retime` measures times anew; notebooks may be named: `pnpm notebooks notebooks/spectra.ipynb`.
import { start } from './setup/node-version.mjs';

await start(() => import('./notebooks/main.mjs'));
