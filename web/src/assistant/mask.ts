/** A text with each value in its token's place, as it went to the model. Longer values first, so that none is cut by a shorter one. */
export function anonymized(text: string, replacements: Record<string, string>): string {
  const pairs = Object.entries(replacements).filter(([, value]) => value !== '').sort((a, b) => b[1].length - a[1].length || (a[1] < b[1] ? -1 : 1))
  if (pairs.length === 0) return text
  const token = new Map<string, string>()
  for (const [t, value] of pairs) if (!token.has(value)) token.set(value, t)
  const any = pairs.map(([, value]) => value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')
  // A name within a longer word is another word.
  return text.replace(new RegExp(`(?<![\\p{L}\\p{N}_])(?:${any})(?![\\p{L}\\p{N}_])`, 'gu'), value => token.get(value) ?? value)
}
