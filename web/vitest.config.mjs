import {defineConfig} from 'vitest/config'

export default defineConfig({
  esbuild: {jsx: 'automatic', jsxImportSource: 'preact'},
  // One worker, whose environment the files share: starting one for each file takes longer than all tests together.
  test: {pool: 'threads', maxWorkers: 1, isolate: false, testTimeout: 30_000, environment: 'happy-dom', include: ['src/**/*.test.{ts,tsx}'], restoreMocks: true, unstubGlobals: true},
})
