import type {Chart as ChartJS, ChartConfiguration} from 'chart.js'
import {useEffect, useRef} from 'preact/hooks'
import {theme} from '../theme'
import type {Part, Tone} from './basic'
import {num} from './format'

/** A colour of the page's tokens, as it is now. */
function token(name: string): string {
  const probe = document.createElement('span')
  probe.className = name
  document.body.append(probe)
  const c = getComputedStyle(probe).backgroundColor
  probe.remove()
  return c
}

const fill = (tone: Tone) => token(`fill-${tone}`)

function useChart(make: (font: string) => ChartConfiguration, deps: unknown[]) {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    let chart: ChartJS | undefined
    let gone = false
    const draw = () => {
      void import('./chartjs').then(({Chart}) => {
        if (gone || !canvas.current) return
        chart?.destroy()
        const style = getComputedStyle(document.documentElement)
        Chart.defaults.font.family = getComputedStyle(document.body).fontFamily
        Chart.defaults.font.size = 12
        Chart.defaults.color = token('fill-muted')
        Chart.defaults.borderColor = token('fill-line')
        chart = new Chart(canvas.current, make(style.fontFamily))
      })
    }
    draw()
    // The colours of a canvas do not follow the theme by themselves.
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', draw)
    return () => {
      gone = true
      dark.removeEventListener('change', draw)
      chart?.destroy()
    }
  }, [JSON.stringify(deps), theme.value])
  return canvas
}

/** A ring of parts with a number in its middle. */
export function Ring({parts, label, middle, under}: {parts: Part[]; label: string; middle: string; under: string}) {
  const shown = parts.filter(p => p.n > 0)
  const canvas = useChart(() => ({
    type: 'doughnut',
    data: {labels: shown.map(p => p.label), datasets: [{data: shown.map(p => p.n), backgroundColor: shown.map(p => fill(p.tone)), borderColor: token('fill-surface'), borderWidth: 2}]},
    options: {cutout: '72%', maintainAspectRatio: false, events: ['mousemove', 'mouseout'], plugins: {tooltip: {callbacks: {label: c => ` ${num(c.parsed)} rules`}}}},
  }), [parts])
  return (
    <div class="ring" role="img" aria-label={`${label}: ${shown.map(p => `${num(p.n)} ${p.label}`).join(', ')}`}>
      <canvas ref={canvas} />
      <div class="ring-middle" aria-hidden="true"><strong>{middle}</strong><span>{under}</span></div>
    </div>
  )
}

export interface BarRow {
  label: string
  parts: Part[]
}

/** Horizontal bars, one a row, each of parts in the same order. */
export function StackedBars({rows, label}: {rows: BarRow[]; label: string}) {
  const series = new Map<string, Tone>()
  for (const r of rows) for (const p of r.parts) if (p.n > 0) series.set(p.label, p.tone)
  const order = (rows[0]?.parts ?? []).map(p => p.label).filter(l => series.has(l))
  const canvas = useChart(() => ({
    type: 'bar',
    data: {
      labels: rows.map(r => r.label),
      datasets: order.map(l => ({
        label: l, backgroundColor: fill(series.get(l) ?? 'neutral'), barThickness: 14, borderRadius: 2,
        data: rows.map(r => r.parts.find(p => p.label === l)?.n ?? 0),
      })),
    },
    options: {
      indexAxis: 'y', maintainAspectRatio: false,
      scales: {
        x: {stacked: true, ticks: {precision: 0, maxTicksLimit: 6}, border: {display: false}},
        y: {stacked: true, grid: {display: false}, border: {display: false}, ticks: {autoSkip: false, callback(v) { const t = String(this.getLabelForValue(Number(v))); const most = this.chart.width < 500 ? 19 : 34; return t.length > most ? t.slice(0, most - 1) + '…' : t }}},
      },
    },
  }), [rows])
  const text = rows.map(r => `${r.label}: ${r.parts.filter(p => p.n > 0).map(p => `${num(p.n)} ${p.label}`).join(', ')}`).join('; ')
  return <div class="bars" role="img" aria-label={`${label}. ${text}`} style={{height: `${rows.length * 28 + 36}px`}}><canvas ref={canvas} /></div>
}
