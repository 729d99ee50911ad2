import {elementScroll, observeElementOffset, observeElementRect, Virtualizer} from '@tanstack/virtual-core'
import type {ComponentChildren, HTMLAttributes, RefObject} from 'preact'
import {useEffect, useLayoutEffect, useRef, useState} from 'preact/hooks'

export interface VirtualHandle {
  /** Brings a row into view. */
  show: (index: number) => void
}

interface VirtualListProps {
  count: number
  /** The height of every row, in pixels. */
  rowHeight: number
  /** Rows kept beyond the visible ones. */
  overscan?: number
  row: (index: number) => ComponentChildren
  /** Called when other rows come into view, with the first and last of them. */
  onRange?: (first: number, last: number) => void
  handle?: RefObject<VirtualHandle | null>
  /** Stands above the rows, and stays there while they are scrolled. */
  head?: ComponentChildren
  /** The height of head, in pixels. */
  headHeight?: number
  class?: string
  /** Attributes of the scrolling element, such as role and aria-label. */
  attrs?: HTMLAttributes<HTMLDivElement>
}

/** A list that keeps only the rows near the visible part in the document. */
export function VirtualList({count, rowHeight, overscan = 12, row, onRange, handle, head, headHeight = 0, class: cls, attrs}: VirtualListProps) {
  const box = useRef<HTMLDivElement>(null)
  const [, redraw] = useState(0)
  const options = {
    count,
    getScrollElement: () => box.current,
    estimateSize: () => rowHeight,
    overscan,
    scrollMargin: headHeight,
    scrollPaddingStart: headHeight,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: () => redraw(n => n + 1),
  }
  const ref = useRef<Virtualizer<HTMLDivElement, Element> | null>(null)
  ref.current ??= new Virtualizer<HTMLDivElement, Element>(options)
  const v = ref.current
  v.setOptions(options)
  useLayoutEffect(() => v._didMount(), [])
  useLayoutEffect(() => v._willUpdate())
  useEffect(() => { v.measure() }, [rowHeight, headHeight])
  if (handle) handle.current = {show: i => v.scrollToIndex(i, {align: 'auto'})}
  const items = v.getVirtualItems()
  const first = items[0]?.index ?? 0
  const last = items[items.length - 1]?.index ?? 0
  useEffect(() => { if (items.length > 0) onRange?.(first, last) }, [first, last, items.length > 0, count])
  return (
    <div ref={box} class={`virtual${cls ? ' ' + cls : ''}`} {...attrs}>
      {head}
      <div class="virtual-all" style={{height: `${v.getTotalSize()}px`}} role="presentation">
        <div class="virtual-shown" style={{transform: `translateY(${(items[0]?.start ?? headHeight) - headHeight}px)`}} role="presentation">
          {items.map(i => row(i.index))}
        </div>
      </div>
    </div>
  )
}
