import {render} from 'preact'
import {describe, expect, it} from 'vitest'
import {Markdown} from './markdown'

function html(text: string): HTMLElement {
  const root = document.createElement('div')
  render(<Markdown text={text} />, root)
  return root
}

describe('Markdown', () => {
  it('shows lists, code and tables', () => {
    const root = html('**Two** alerts:\n\n1. `web-1`\n2. db\n\n```\nFROM logs-* | LIMIT 1\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |')
    expect(root.querySelector('strong')?.textContent).toBe('Two')
    expect([...root.querySelectorAll('li')].map(l => l.textContent)).toEqual(['web-1', 'db'])
    expect(root.querySelector('pre')?.textContent).toBe('FROM logs-* | LIMIT 1')
    expect([...root.querySelectorAll('td')].map(l => l.textContent)).toEqual(['1', '2'])
  })

  it('makes no element and no link of what a model writes', () => {
    const root = html('<img src=x onerror=alert(1)> [here](javascript:alert(1)) <script>alert(1)</script>\n\n![x](https://example.org/x.png)')
    expect(root.querySelector('img, script, a, iframe')).toBeNull()
    expect(root.textContent).toContain('<img src=x onerror=alert(1)>')
    expect(root.textContent).toContain('[here](javascript:alert(1))')
  })

  it('shows signs that HTML would escape as they are', () => {
    expect(html('a < b & "c" `d < e`').textContent).toBe('a < b & "c" d < e')
  })
})
