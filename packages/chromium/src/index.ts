export { type Chromium, findChromium } from './find-chromium.js';
export { launchChromium } from './launch-chromium.js';
