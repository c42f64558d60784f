// What became of a request to a node.

import { centre } from "./centre.svelte";
import { clock } from "./clock.svelte";
import type { CommandView } from "./wire";

export const answerTo = (request: string | null): CommandView | null =>
  centre.nodes.flatMap((node) => node.commands).find((command) => command.request === request) ?? null;

/** No answer came, and none will. */
export const isExpired = (command: CommandView): boolean =>
  command.state === "waiting" && Date.parse(command.expires) <= clock.now;
