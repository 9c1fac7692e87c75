export { type Bytes, collect, fileBytes, type Packing, packingOf, readUnpacked } from './bytes.js';
export { type ExtractOptions, extractArchive } from './extract.js';
export { type ArchiveOptions, archiveMembers, type Member } from './members.js';
