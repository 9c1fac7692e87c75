export { DeviceBuffer } from './buffer.js';
export { Client, type ClientOptions } from './client.js';
export { Device, type MemoryStats } from './device.js';
export { findPlugin, findPlugins, type Plugin } from './discover.js';
export { byteSize, type ElementType, elementBytes } from './dtype.js';
export { PjrtError, type PjrtErrorCode, PluginError } from './errors.js';
export { type CompiledMemoryStats, Executable } from './executable.js';
export { prepareXlaFlags } from './flags.js';
export { Library } from './library.js';
