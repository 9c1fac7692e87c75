// Loaded before the set-up by its tests: shows it another Node.js, another processor, another place of `node`.
const { FAKE_NODE, FAKE_ARCH, FAKE_EXEC_PATH } = process.env;
if (FAKE_NODE)
  Object.defineProperty(process, 'versions', { value: { ...process.versions, node: FAKE_NODE } });
if (FAKE_ARCH) Object.defineProperty(process, 'arch', { value: FAKE_ARCH });
if (FAKE_EXEC_PATH) process.execPath = FAKE_EXEC_PATH;
