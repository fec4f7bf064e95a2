// The demo in a real browser, apart from `npm test`: it needs a built dist and a Chromium on the machine.

import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/browser/*.browser.mjs'],
    testTimeout: 30_000,
    hookTimeout: 30_000
  }
})
