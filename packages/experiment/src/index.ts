export type { Cell, MissingCell, ReportedCells } from './cells.js';
export { type Provenance, provenance } from './provenance.js';
export { writeWhole } from './write-whole.js';
