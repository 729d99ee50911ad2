import {marked, type Token, type Tokens} from 'marked'
import type {ComponentChildren} from 'preact'

/** Markdown as elements. What a model says is text: HTML in it is shown as it is written, and links are not followed. */
export function Markdown({text}: {text: string}) {
  return <div class="markdown">{blocks(marked.lexer(text, {gfm: true}))}</div>
}

function blocks(tokens: Token[]): ComponentChildren {
  return tokens.map((t, i) => block(t, i))
}

function block(t: Token, key: number): ComponentChildren {
  switch (t.type) {
    case 'space':
    case 'def':
      return null
    case 'heading':
      return <p key={key}><strong>{inline(t.tokens)}</strong></p>
    case 'paragraph':
      return <p key={key}>{inline(t.tokens)}</p>
    case 'code':
      return <pre key={key} class="block-code">{(t as Tokens.Code).text}</pre>
    case 'blockquote':
      return <blockquote key={key}>{blocks(t.tokens ?? [])}</blockquote>
    case 'hr':
      return <hr key={key} />
    case 'list': {
      const list = t as Tokens.List
      const items = list.items.map((item, i) => <li key={i}>{blocks(item.tokens)}</li>)
      return list.ordered ? <ol key={key} start={Number(list.start) || 1}>{items}</ol> : <ul key={key}>{items}</ul>
    }
    case 'table': {
      const table = t as Tokens.Table
      return (
        <div key={key} class="table-wrap"><table>
          <thead><tr>{table.header.map((c, i) => <th key={i}>{inline(c.tokens)}</th>)}</tr></thead>
          <tbody>{table.rows.map((r, n) => <tr key={n}>{r.map((c, i) => <td key={i}>{inline(c.tokens)}</td>)}</tr>)}</tbody>
        </table></div>
      )
    }
    case 'text':
      return t.tokens ? <span key={key}>{inline(t.tokens)}</span> : plain(t)
    default:
      return <p key={key}>{t.raw}</p>
  }
}

function inline(tokens: Token[] | undefined): ComponentChildren {
  return (tokens ?? []).map((t, i): ComponentChildren => {
    switch (t.type) {
      case 'strong':
        return <strong key={i}>{inline(t.tokens)}</strong>
      case 'em':
        return <em key={i}>{inline(t.tokens)}</em>
      case 'del':
        return <del key={i}>{inline(t.tokens)}</del>
      case 'codespan':
        return <code key={i}>{(t as Tokens.Codespan).text}</code>
      case 'br':
        return <br key={i} />
      case 'text':
        return t.tokens ? inline(t.tokens) : plain(t)
      case 'escape':
        return (t as Tokens.Escape).text
      default:
        return t.raw
    }
  })
}

function plain(t: Token): string {
  return t.raw
}
