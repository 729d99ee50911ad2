import {signal} from '@preact/signals'

/** The panel that was looked at last: it stays while one goes from rule to rule. */
export const panel = signal('notes')
