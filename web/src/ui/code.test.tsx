import {useState} from 'preact/hooks'
import {render} from 'preact'
import {expect, it, vi} from 'vitest'
import {Code} from './code'

const editor = vi.hoisted(() => ({text: '', set: [] as string[], change: (_: string) => {}}))
vi.mock('./codemirror', () => ({
  createEditor: (o: {value: string; onChange: (v: string) => void}) => {
    editor.text = o.value
    editor.change = v => {
      editor.text = v
      o.onChange(v)
    }
    return {
      setValue: (v: string) => {
        if (v === editor.text) return
        editor.set.push(v)
        editor.change(v)
      },
      setMarks: () => {}, setProblems: () => {}, show: () => {}, destroy: () => {},
    }
  },
}))

const settle = async () => { for (let i = 0; i < 10; i++) await new Promise(r => setTimeout(r, 0)) }

it('keeps what is typed faster than the page draws, and takes what comes from elsewhere', async () => {
  let set = (_: string) => {}
  const changes: string[] = []
  const Page = () => {
    const [value, setValue] = useState('')
    set = setValue
    return <Code value={value} language="esql" label="q" onChange={v => { changes.push(v); setValue(v) }} />
  }
  const root = document.createElement('div')
  render(<Page />, root)
  await settle()
  editor.change('F')
  await Promise.resolve()
  editor.change('FR')
  setTimeout(() => editor.change('FRO'), 0)
  await settle()
  expect(editor.text).toBe('FRO')
  expect(editor.set).toEqual([])
  set('ROW a = 1')
  await settle()
  expect(editor.text).toBe('ROW a = 1')
  expect(changes).toEqual(['F', 'FR', 'FRO'])
  render(null, root)
})
