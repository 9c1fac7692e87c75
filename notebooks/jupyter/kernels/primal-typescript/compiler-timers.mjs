/**
 * Lets TypeScript's watching compiler look for missing modules again at once, instead of after a pause.
 *
 * tslab's converter keeps one timer of the compiler's: that of its update. When files come or go in a folder where imports are
 * looked up (which is any folder above the notebook), the compiler asks for a second one, at which the converter throws, into
 * whatever cell runs then. Nothing has to be debounced here: the next cell compiles anyway, and sees what changed.
 *
 * @param system TypeScript's `sys`, of which the converter makes its own by inheritance, then sets the two functions
 */
export function lookForModulesAtOnce(system) {
  const done = {};
  define(system, 'setTimeout', (set) => (callback, ...rest) => {
    if (callback.name !== 'invalidateResolutionsOfFailedLookup') return set(callback, ...rest);
    callback();
    return done;
  });
  define(system, 'clearTimeout', (clear) => (timer) => {
    if (timer !== done) clear(timer);
  });
}

/** An object that inherits from `system` and is given a function of this name gets `wrap` of it. */
function define(system, name, wrap) {
  const own = system[name];
  Object.defineProperty(system, name, {
    configurable: true,
    get: () => own,
    set(given) {
      Object.defineProperty(this, name, { value: wrap(given), configurable: true, writable: true });
    },
  });
}
