/** A table of texts, as a CSV file of a lookup has it. */
export interface Csv {
  columns: string[]
  rows: Record<string, string>[]
}

/** Reads CSV as RFC 4180 has it; a broken file is an error that names the line. */
export function parseCSV(text: string): Csv {
  const records: {cells: string[]; line: number}[] = []
  let cells: string[] = []
  let cell = ''
  let quoted = false
  let was = false
  let line = 1
  let began = 1
  const end = () => { cells.push(cell); cell = ''; was = false }
  const body = text.replace(/^\uFEFF/, '')
  for (let i = 0; i < body.length; i++) {
    const c = body.charAt(i)
    if (c === '\n') line++
    if (quoted) {
      if (c !== '"') cell += c
      else if (body.charAt(i + 1) === '"') { cell += '"'; i++ } else quoted = false
    } else if (c === '"' && cell === '' && !was) {
      quoted = true
      was = true
    } else if (c === ',') {
      end()
    } else if (c === '\n' || c === '\r') {
      if (c === '\r' && body.charAt(i + 1) === '\n') { i++; line++ }
      end()
      if (cells.length > 1 || cells[0] !== '') records.push({cells, line: began})
      cells = []
      began = line
    } else cell += c
  }
  if (quoted) throw new Error(`A quotation mark of the record that begins in line ${began} is never closed.`)
  if (cell !== '' || cells.length > 0 || was) {
    end()
    records.push({cells, line: began})
  }
  const head = records.shift()
  if (!head) throw new Error('The file is empty; its first line must name the columns.')
  const columns = head.cells.map(c => c.trim())
  const twice = columns.find((c, i) => c !== '' && columns.indexOf(c) !== i)
  if (twice !== undefined) throw new Error(`The column ${twice} stands there twice.`)
  if (columns.some(c => c === '')) throw new Error('A column has no name in the first line.')
  const rows = records.map(r => {
    if (r.cells.length > columns.length) throw new Error(`Line ${r.line} has ${r.cells.length} values, and the first line names ${columns.length} columns.`)
    return Object.fromEntries(columns.map((c, i) => [c, r.cells[i] ?? '']))
  })
  return {columns, rows}
}
