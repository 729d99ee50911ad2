// The keyboard of the list and of a rule. One table gives both what a key does and what the help says of it.

export interface Binding<Action extends string> {
  keys: readonly string[]
  action: Action
  help: string
  /** Left out for those who may only read. */
  writes?: boolean
}

export type ListAction =
  | 'next'
  | 'previous'
  | 'first'
  | 'last'
  | 'open'
  | 'search'
  | 'select'
  | 'range'
  | 'selectAll'
  | 'clear'
  | 'accept'
  | 'reject'
  | 'reopen'
  | 'edit'
  | 'undo'
  | 'help'

export const listKeys: readonly Binding<ListAction>[] = [
  {keys: ['j', 'ArrowDown'], action: 'next', help: 'Next rule'},
  {keys: ['k', 'ArrowUp'], action: 'previous', help: 'Previous rule'},
  {keys: ['Home'], action: 'first', help: 'First rule'},
  {keys: ['End'], action: 'last', help: 'Last rule'},
  {keys: ['Enter', 'o'], action: 'open', help: 'Open the rule'},
  {keys: ['/'], action: 'search', help: 'Search'},
  {keys: ['x', ' '], action: 'select', help: 'Choose the rule, or let it go'},
  {keys: ['X'], action: 'range', help: 'Choose all from the last chosen rule to this one'},
  {keys: ['*'], action: 'selectAll', help: 'Choose all rules that match'},
  {keys: ['Escape'], action: 'clear', help: 'Let all chosen rules go'},
  {keys: ['a'], action: 'accept', help: 'Accept the chosen rules, or this one', writes: true},
  {keys: ['r'], action: 'reject', help: 'Reject the chosen rules, or this one', writes: true},
  {keys: ['O'], action: 'reopen', help: 'Reopen the chosen rules, or this one', writes: true},
  {keys: ['e'], action: 'edit', help: 'Edit this rule', writes: true},
  {keys: ['u'], action: 'undo', help: 'Undo the last accept, reject or reopen', writes: true},
  {keys: ['?'], action: 'help', help: 'This list of keys'},
]

export type RuleAction = 'next' | 'previous' | 'nextOpen' | 'back' | 'accept' | 'acceptNext' | 'rejectNext' | 'reject' | 'reopen' | 'edit' | 'undo' | 'comment' | 'search' | 'help'

export const ruleKeys: readonly Binding<RuleAction>[] = [
  {keys: ['j'], action: 'next', help: 'Next rule of the list'},
  {keys: ['k'], action: 'previous', help: 'Previous rule of the list'},
  {keys: ['n'], action: 'nextOpen', help: 'Next rule of the list that is open'},
  {keys: ['Escape'], action: 'back', help: 'Back to the list'},
  {keys: ['/'], action: 'search', help: 'Search the list'},
  {keys: ['a'], action: 'accept', help: 'Accept', writes: true},
  {keys: ['A'], action: 'acceptNext', help: 'Accept, and go to the next rule that is open', writes: true},
  {keys: ['r'], action: 'reject', help: 'Reject', writes: true},
  {keys: ['R'], action: 'rejectNext', help: 'Reject, and go to the next rule that is open', writes: true},
  {keys: ['O'], action: 'reopen', help: 'Reopen', writes: true},
  {keys: ['e'], action: 'edit', help: 'Edit the query', writes: true},
  {keys: ['c'], action: 'comment', help: 'Comment', writes: true},
  {keys: ['u'], action: 'undo', help: 'Undo the last accept, reject or reopen', writes: true},
  {keys: ['?'], action: 'help', help: 'This list of keys'},
]

export interface Press {
  key: string
  ctrlKey: boolean
  metaKey: boolean
  altKey: boolean
  defaultPrevented: boolean
  target: EventTarget | null
}

/** What a press asks for; null when the key belongs to what has the focus (a field, an editor, a button's own key). */
export function actionOf<A extends string>(press: Press, bindings: readonly Binding<A>[], mayWrite: boolean): A | null {
  if (press.defaultPrevented || press.ctrlKey || press.metaKey || press.altKey || takesText(press.target)) return null
  if ((press.key === 'Enter' || press.key === ' ') && takesEnter(press.target)) return null
  const binding = bindings.find(b => b.keys.includes(press.key))
  return binding && (mayWrite || !binding.writes) ? binding.action : null
}

/** Whether letters typed here are text. */
export function takesText(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false
  return (
    target.closest(
      'input:not([type=checkbox]):not([type=radio]):not([type=button]), textarea, select, [contenteditable]:not([contenteditable=false]), dialog',
    ) !== null
  )
}

function takesEnter(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('a[href], button, summary, input, [role=button], [role=tab]') !== null
}

/** How a key is written for a reader. */
export function keyName(key: string): string {
  const names: Record<string, string> = {ArrowDown: '↓', ArrowUp: '↑', ' ': 'Space', Escape: 'Esc'}
  return names[key] ?? (key.length === 1 && key >= 'A' && key <= 'Z' ? `Shift ${key}` : key)
}
