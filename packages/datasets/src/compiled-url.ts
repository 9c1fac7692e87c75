/** The compiled module for one in `src/`: threads need compiled modules, and in tests `import.meta.url` names the source. */
export function compiledUrl(url: string): string {
  return url.replace(/\/src\/((?:(?!\/src\/).)*)\.[jt]s$/, '/dist/$1.js');
}
