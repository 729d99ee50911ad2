import {signal} from '@preact/signals'

export type Theme = 'auto' | 'light' | 'dark'

const key = 'rulebridge-theme'

function stored(): Theme {
  try {
    const t = localStorage.getItem(key)
    return t === 'light' || t === 'dark' ? t : 'auto'
  } catch {
    return 'auto' // storage may be forbidden
  }
}

export const theme = signal<Theme>(stored())

export function setTheme(t: Theme): void {
  theme.value = t
  apply()
  try {
    if (t === 'auto') localStorage.removeItem(key)
    else localStorage.setItem(key, t)
  } catch {
    // It holds for this visit then.
  }
}

/** Tells the styles which theme to show; auto is what the system says. */
export function apply(): void {
  if (theme.value === 'auto') document.documentElement.removeAttribute('data-theme')
  else document.documentElement.setAttribute('data-theme', theme.value)
}
