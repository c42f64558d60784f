// Where a camera's time went, as a node accounts for it: every millisecond has exactly one reason.

import type { Coverage } from "./wire";

/** Reasons in the order in which they are shown: seen first, then what the node left out, then what was not there. */
export const REASONS = [
  "analysed",
  "still",
  "reduced",
  "starved",
  "paused",
  "connecting",
  "frozen",
  "failed",
] as const;

export type Reason = (typeof REASONS)[number];

export interface Part {
  reason: Reason;
  /** Of the time in which the camera should have been watched, 0 to 1. */
  share: number;
}

/** The reasons that took time, with their shares of the time in which the camera should have been watched. */
export function parts(coverage: Coverage): Part[] {
  const ms = (reason: Reason) => coverage[`${reason}_ms`];
  const expected = REASONS.reduce((sum, reason) => sum + ms(reason), 0);
  if (expected === 0) return [];
  return REASONS.filter((reason) => ms(reason) > 0).map((reason) => ({ reason, share: ms(reason) / expected }));
}
