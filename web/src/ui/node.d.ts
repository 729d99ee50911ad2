// The one function of Node that a test needs.
declare module 'node:fs' {
  export function readFileSync(path: URL, encoding: 'utf8'): string
}
