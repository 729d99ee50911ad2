// Whether the mouse moves. A browser tells of a mouse over what came or scrolled beneath it, too, though nobody moved it.

let x = NaN,
  y = NaN,
  moves = false

addEventListener(
  'mousemove',
  e => {
    moves = !Number.isNaN(x) && (e.clientX !== x || e.clientY !== y)
    x = e.clientX
    y = e.clientY
  },
  {capture: true},
)

/** Whether the mouse event that is told just now comes of a movement. */
export function mouseMoves(): boolean {
  return moves
}
