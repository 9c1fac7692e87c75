export { loadMetadata, loadSafetensors, saveSafetensors } from './file.js';
export { readSafetensors } from './read.js';
export type { ArrayOf, DType, SafeTensor, SafeTensorsFile } from './tensor.js';
export { type Metadata, type NamedTensors, writeSafetensors } from './write.js';
