// The editor by keyboard alone.

import type { Board, Point } from "../../lib/drawing.svelte";

const STEP = 0.002;
const FAR = 0.02;

const ARROWS: Record<string, Point> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Takes keys that are for the drawing, and none that somebody types elsewhere. */
export function onKey(board: Board, event: KeyboardEvent) {
  const typing = event.target instanceof Element && event.target.closest("input, select, textarea") !== null;
  if (typing || event.altKey) return;
  if (deed(board, event)) event.preventDefault();
}

function deed(board: Board, event: KeyboardEvent): boolean {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey) {
    if (key === "z" && !event.shiftKey) board.undo();
    else if (key === "y" || key === "z") board.redo();
    else return false;
    return true;
  }
  const onButton = event.target instanceof Element && event.target.closest("button, a, summary") !== null;
  const arrow = ARROWS[key];
  if (arrow && (board.shape || board.tool !== "select")) {
    const step = event.shiftKey ? FAR : STEP;
    board.nudge([arrow[0] * step, arrow[1] * step]);
  } else if (key === "z") board.use("zone");
  else if (key === "l") board.use("line");
  else if (key === "g") board.use("calibration");
  else if (key === "v" || key === "Escape") {
    if (board.tool === "select") board.select(null);
    board.use("select");
  } else if (key === " " && !onButton && board.tool !== "select") board.add(board.pointer ?? [0.5, 0.5]);
  else if (key === "Enter" && !onButton && board.drawn.length > 0) board.finish();
  else if ((key === "Delete" || key === "Backspace") && board.shape) board.remove();
  else if (key === "[" || key === "]") board.nextCorner(key === "]" ? 1 : -1);
  else return false;
  return true;
}
