const number = new Intl.NumberFormat(undefined)
const absolute = new Intl.DateTimeFormat(undefined, {dateStyle: 'medium', timeStyle: 'short'})

export function num(n: number): string {
  return number.format(n)
}

/** A number with its unit: 1 rule, 1,200 rules. */
export function count(n: number, one: string, many = one + 's'): string {
  return `${num(n)} ${n === 1 ? one : many}`
}

export function percent(part: number, whole: number): string {
  if (whole <= 0) return '0 %'
  const p = part / whole * 100
  // A rest, however small, is neither nothing nor all.
  if (p > 0 && p < 1) return '< 1 %'
  if (p > 99 && p < 100) return '> 99 %'
  return `${Math.round(p)} %`
}

/** A local time in full. */
export function when(at: string | undefined): string {
  if (!at) return ''
  const d = new Date(at)
  return Number.isNaN(d.getTime()) ? '' : absolute.format(d)
}

/** How long ago, in the largest unit that fits, short enough for a column: 57 s ago. */
export function ago(at: string | undefined, now = Date.now()): string {
  if (!at) return ''
  const t = new Date(at).getTime()
  if (Number.isNaN(t)) return ''
  const s = Math.round((now - t) / 1000)
  const abs = Math.abs(s)
  const say = (seconds: number, unit: string) => {
    const n = Math.max(1, Math.round(abs / seconds))
    return s < 0 ? `in ${n} ${unit}` : `${n} ${unit} ago`
  }
  if (abs < 10) return 'just now'
  if (abs < 60) return say(1, 's')
  if (abs < 3600) return say(60, 'min')
  if (abs < 86_400) return say(3600, 'h')
  if (abs < 30 * 86_400) return say(86_400, 'd')
  return when(at)
}

export function bytes(n: number): string {
  if (n < 1000) return `${n} B`
  if (n < 1e6) return `${(n / 1e3).toFixed(1)} kB`
  return `${(n / 1e6).toFixed(1)} MB`
}

/** A code such as unknown_macro as words. */
export function words(code: string): string {
  const w = code.replaceAll('_', ' ')
  return w.charAt(0).toUpperCase() + w.slice(1)
}
