import {defineConfig} from 'vitest/config'

export default defineConfig({
  esbuild: {jsx: 'automatic', jsxImportSource: 'preact'},
  // One worker at a time: on a machine that is busy, several wait for each other until they time out.
  test: {pool: 'threads', maxWorkers: 1, testTimeout: 30_000, environment: 'happy-dom', include: ['src/**/*.test.{ts,tsx}'], restoreMocks: true, unstubGlobals: true},
})
