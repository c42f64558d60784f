// What follows from what a node said, and from how long ago.

import { seconds } from "./format";
import type { NodeView } from "./wire";

/** It says it is online, and says nothing more. */
export function isSilent(node: NodeView, now: number, silentAfter: number): boolean {
  return node.state === "online" && seconds(node.heard, now) > silentAfter;
}

/** Its faults, less what it leaves out under load: that is shown by itself. */
export function faults(node: NodeView): string[] {
  return node.faults.filter((fault) => node.degradation === null || !fault.startsWith("load: "));
}

/** How many of its messages will never come, by its own word. */
export function givenUp(node: NodeView): number {
  return node.given_up.reduce((sum, given) => sum + given.messages, 0);
}

/**
 * How many of its messages are missing and not waiting in it: alerts overtake evidence, so numbers are missing for a
 * while that only come later.
 */
export function lost(node: NodeView): number {
  return Math.max(0, missing(node) - (node.spool_pending ?? 0));
}

/** How many of its messages have not come, though later ones have. */
export function missing(node: NodeView): number {
  return node.gaps.reduce((sum, gap) => sum + gap.last - gap.first + 1, 0);
}
