// Times, spans and sizes as people read them. Times are local; the title of an element gives UTC.

import { t } from "./strings";

/** Seconds as a short span of at most two units. */
export function span(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return t.span.seconds(s);
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return t.span.minutes(minutes);
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return t.span.hours(hours, minutes % 60);
  return t.span.days(Math.floor(hours / 24), hours % 24);
}

/** A delay: tenths of a second while they matter. */
export function delay(ms: number): string {
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : span(ms / 1000);
}

const two = (n: number) => String(n).padStart(2, "0");

function clockTime(at: Date): string {
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

function day(at: Date): string {
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** Time of day, with the date if it is not that of `now`. */
export function time(iso: string, now: number): string {
  const at = new Date(iso);
  return day(at) === day(new Date(now)) ? clockTime(at) : `${day(at)} ${clockTime(at)}`;
}

/** The same with milliseconds. */
export function exact(iso: string, now: number): string {
  return `${time(iso, now)}.${String(new Date(iso).getMilliseconds()).padStart(3, "0")}`;
}

export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  if (count < 1_000_000) return `${(count / 1000).toFixed(0)} kB`;
  return `${(count / 1_000_000).toFixed(1)} MB`;
}

export function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}

export function seconds(from: string, to: number): number {
  return (to - Date.parse(from)) / 1000;
}
