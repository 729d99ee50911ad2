// Builds the page into ../api/page/dist. The same sources and package-lock.json give the same bytes in any folder.
// `--size` also prints what a browser loads, compressed.
import {build} from 'esbuild'
import {mkdir, readFile, readdir, rm, writeFile} from 'node:fs/promises'
import {dirname, join, relative} from 'node:path'
import {fileURLToPath} from 'node:url'
import {gzipSync} from 'node:zlib'

/** The most that all scripts and styles together may weigh, compressed with gzip, in bytes. */
const most = 400 * 1024

const here = dirname(fileURLToPath(import.meta.url))
const dist = join(here, '..', 'api', 'page', 'dist')
const assets = join(dist, 'assets')

const result = await build({
  absWorkingDir: here,
  entryPoints: {main: 'src/main.tsx'},
  outdir: assets,
  write: false,
  bundle: true,
  preserveSymlinks: true, // the names of files go by their paths: node_modules may be a link
  format: 'esm',
  splitting: true,
  minify: true,
  target: ['es2022'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  charset: 'utf8',
  entryNames: '[name]-[hash]',
  chunkNames: 'part-[hash]',
  legalComments: 'none', // licences.txt has them, whole
  metafile: true,
  define: {'process.env.NODE_ENV': '"production"'},
})

await rm(dist, {recursive: true, force: true})
await mkdir(assets, {recursive: true})
const manifest = {}
let total = 0
for (const file of result.outputFiles) {
  const name = relative(assets, file.path)
  await writeFile(file.path, file.contents)
  total += gzipSync(file.contents, {level: 9}).length
  const entry = /^main-[A-Z0-9]+\.(js|css)$/.exec(name)
  if (entry) manifest[`main.${entry[1]}`] = name
}
let html = await readFile(join(here, 'index.html'), 'utf8')
for (const [key, name] of Object.entries(manifest)) html = html.replaceAll(`{{${key}}}`, name)
if (/\{\{main\./.test(html)) throw new Error('index.html names a file that the build does not give')
await writeFile(join(dist, 'index.html'), html)
await writeFile(join(dist, 'manifest.json'), JSON.stringify(manifest, null, 2) + '\n')
await writeFile(join(assets, 'licences.txt'), await licences(Object.keys(result.metafile.inputs)))

if (process.argv.includes('--size')) console.log(`the page: ${(total / 1024).toFixed(1)} KB compressed, of ${most / 1024} KB at most`)
if (total > most) {
  console.error(`the page weighs ${(total / 1024).toFixed(1)} KB compressed; ${most / 1024} KB is the most`)
  process.exit(1)
}

/** The licences of the packages that went into the page. */
async function licences(inputs) {
  const packages = new Set()
  for (const input of inputs) {
    const m = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)
    if (m) packages.add(m[1])
  }
  const texts = []
  for (const name of [...packages].sort()) {
    const dir = join(here, 'node_modules', name)
    const about = JSON.parse(await readFile(join(dir, 'package.json'), 'utf8'))
    const file = (await readdir(dir)).sort().find(f => /^licen[cs]e(\.(md|txt))?$/i.test(f))
    const text = file ? await readFile(join(dir, file), 'utf8') : `Licence: ${about.license}\n`
    texts.push(`${name} ${about.version}\n\n${text.replaceAll('\r\n', '\n').trim()}\n`)
  }
  return texts.join('\n' + '-'.repeat(80) + '\n\n')
}
