// What is pushed to a node, as text: TOML with one table for each camera of which something is said.

import { parse, stringify, type TomlTable } from "smol-toml";

import type { Drawing, Rule } from "./drawing.svelte";

/** The document with what was drawn for a camera; all that was pushed of others stays. */
export function withDrawing(pushed: string, camera: string, before: Drawing, now: Drawing): string {
  const whole = parse(pushed);
  const cameras = (Array.isArray(whole.cameras) ? whole.cameras : []) as TomlTable[];
  const own: TomlTable = cameras.find((table) => table.id === camera) ?? { id: camera };
  const set = (key: string, value: unknown, old: unknown) => {
    if (!same(value, old)) own[key] = value as TomlTable;
  };
  set("zones", zones(now), zones(before));
  set("lines", lines(now), lines(before));
  set("motion_masks", now.masks, before.masks);
  if (now.calibration) set("calibration", now.calibration, before.calibration);
  const rules = changedRules((own.rules ?? []) as Rule[], before.rules, now.rules);
  if (rules.length > 0) own.rules = rules as TomlTable[];
  const others = cameras.filter((table) => table.id !== camera);
  return `${stringify({ ...whole, cameras: [...others, own] })}\n`;
}

/** Whether two values say the same; the order of keys says nothing. */
export function same(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const keys = Object.keys(a);
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return keys.length === Object.keys(b).length && keys.every((key) => same(left[key], right[key]));
}

const zones = (of: Drawing) =>
  of.shapes.filter((s) => s.kind === "zone").map(({ id, points }) => ({ id, polygon: points }));

const lines = (of: Drawing) =>
  of.shapes.filter((s) => s.kind === "line").map(({ id, points }) => ({ id, from: points[0], to: points[1] }));

/** Rules that were pushed before, with those that are new, other, or no more wanted. */
function changedRules(pushed: Rule[], before: Rule[], now: Rule[]): Rule[] {
  const rules = new Map(pushed.map((rule) => [rule.id, rule]));
  for (const rule of now) {
    const old = before.find((other) => other.id === rule.id);
    if (!same(old, rule)) rules.set(rule.id, rule);
  }
  for (const rule of before) {
    if (!now.some((other) => other.id === rule.id)) rules.set(rule.id, { id: rule.id, enabled: false });
  }
  return [...rules.values()];
}
