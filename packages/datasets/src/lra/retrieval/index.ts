export { type LoadRetrievalOptions, loadRetrieval, type RetrievalSet } from './load.js';
