import koffi from 'koffi';
import { PluginError } from './errors.js';

/** The functions of the dynamic linker. */
export interface DynamicLinker {
  dlopen: (path: string, flags: number) => bigint | null;
  /** @param handle of a library; null for all that the process has loaded */
  dlsym: (handle: bigint | null, name: string) => bigint | null;
  dlerror: () => string;
}

/** @throws PluginError on Windows, which has another one */
export function dynamicLinker(): DynamicLinker {
  if (process.platform === 'win32') throw new PluginError('PJRT plugins are not available for Windows');
  const self = koffi.load(null);
  return {
    dlopen: self.func('void *dlopen(const char *path, int flags)'),
    dlsym: self.func('void *dlsym(void *handle, const char *name)'),
    dlerror: self.func('const char *dlerror()'),
  };
}
