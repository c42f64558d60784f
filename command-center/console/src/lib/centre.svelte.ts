// What the command centre knows, kept up to date by its stream of events.

import { api, Refused } from "./api";
import { clock } from "./clock.svelte";
import type { CentreView, IncidentSummary, MeView, NodeView, Right } from "./wire";

/** The stream beats every four seconds; after this long it is taken for lost. */
const SILENCE_MS = 13_000;
const RETRY_MS = 2_000;
/** Incidents that a page holds during a long shift; older ones come back with "Load older". */
const HELD_MAX = 1_000;
/** How long a new incident stands out. */
const FRESH_MS = 8_000;

export type Connection = "connecting" | "live" | "lost";
export type Filter = "to_do" | "all";

const newerFirst = (a: IncidentSummary, b: IncidentSummary) =>
  Date.parse(b.captured) - Date.parse(a.captured) || (a.id < b.id ? 1 : -1);

class Centre {
  /** Who is signed in. */
  me = $state.raw<MeView | null>(null);
  incidents = $state.raw<IncidentSummary[]>([]);
  nodes = $state.raw<NodeView[]>([]);
  state = $state.raw<CentreView | null>(null);
  connection = $state<Connection>("connecting");
  filter = $state<Filter>("to_do");
  /** Ids of incidents that have just come. */
  fresh = $state.raw<ReadonlySet<string>>(new Set());
  /** The newest incident that came by itself, to be announced. */
  arrived = $state.raw<IncidentSummary | null>(null);
  loading = $state(false);
  /** Where the next page begins; null at the end. */
  next = $state<string | null>(null);
  error = $state<string | null>(null);

  #events: EventSource | null = null;
  #lastId: string | null = null;
  #heard = 0;
  #timer: ReturnType<typeof setInterval> | null = null;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #onSignedOut = () => {};

  start(me: MeView, onSignedOut: () => void) {
    this.me = me;
    this.#onSignedOut = onSignedOut;
    this.#open();
    this.#timer = setInterval(() => this.#watch(), 1000);
    void this.reload();
  }

  /** Whether the user may do this, and this centre can have nodes told of it. */
  may(right: Right): boolean {
    const needsKey = right === "ask" || right === "configure";
    return (this.me?.rights.includes(right) ?? false) && (!needsKey || (this.state?.can_command ?? false));
  }

  stop() {
    this.#events?.close();
    if (this.#timer) clearInterval(this.#timer);
    if (this.#retry) clearTimeout(this.#retry);
    this.#retry = null;
    this.#lastId = null;
    this.incidents = [];
    this.nodes = [];
    this.connection = "connecting";
  }

  async reload() {
    this.loading = true;
    try {
      const [page, overview] = await Promise.all([api.incidents(this.filter === "to_do", null), api.overview()]);
      this.incidents = page.incidents;
      this.next = page.next;
      this.nodes = overview.nodes;
      this.#take(overview.centre);
      this.error = null;
    } catch (error) {
      this.#failed(error);
    } finally {
      this.loading = false;
    }
  }

  async show(filter: Filter) {
    this.filter = filter;
    await this.reload();
  }

  async loadOlder() {
    if (this.next === null || this.loading) return;
    this.loading = true;
    try {
      const page = await api.incidents(this.filter === "to_do", this.next);
      const known = new Set(this.incidents.map((i) => i.id));
      const older = page.incidents.filter((i) => !known.has(i.id));
      this.incidents = [...this.incidents, ...older].sort(newerFirst);
      this.next = page.next;
    } catch (error) {
      this.#failed(error);
    } finally {
      this.loading = false;
    }
  }

  /** Takes over what is known of an incident now. */
  update(incident: IncidentSummary) {
    const others = this.incidents.filter((i) => i.id !== incident.id);
    const all = [...others, incident].sort(newerFirst);
    this.incidents = all.slice(0, HELD_MAX);
    if (all.length > HELD_MAX) this.next = this.incidents.at(-1)?.place ?? null;
  }

  #open() {
    this.#events?.close();
    const place = this.#lastId === null ? "" : `?after=${this.#lastId}`;
    const events = new EventSource(`/api/live${place}`);
    this.#events = events;
    this.#heard = Date.now();
    const on = (name: string, take: (data: never) => void) =>
      events.addEventListener(name, (event) => {
        this.#heard = Date.now();
        this.#lastId = event.lastEventId;
        this.connection = "live";
        take(JSON.parse(event.data) as never);
      });
    on("centre", (centre: CentreView) => this.#take(centre));
    on("node", (node: NodeView) => this.#takeNode(node));
    on("incident", (incident: IncidentSummary) => this.#takeIncident(incident));
    on("reset", () => void this.reload());
    // the browser would come back by itself, but cannot tell an ended session from a lost connection
    events.onerror = () => this.#lost();
  }

  #watch() {
    if (this.connection !== "lost" && Date.now() - this.#heard > SILENCE_MS) this.#lost();
  }

  #lost() {
    this.connection = "lost";
    this.#events?.close();
    this.#retry ??= setTimeout(() => void this.#reopen(), RETRY_MS);
  }

  async #reopen() {
    this.#retry = null;
    try {
      const session = await api.session();
      if (session.user === null) this.#onSignedOut();
      else this.#open();
    } catch {
      this.#lost();
    }
  }

  #take(centre: CentreView) {
    clock.set(centre.now);
    this.state = centre;
  }

  #takeNode(node: NodeView) {
    const others = this.nodes.filter((n) => n.id !== node.id);
    const name = (n: NodeView) => `${n.region}/${n.site}/${n.node}`;
    this.nodes = [...others, node].sort((a, b) => name(a).localeCompare(name(b)));
  }

  #takeIncident(incident: IncidentSummary) {
    const known = this.incidents.some((i) => i.id === incident.id);
    const oldest = this.incidents.at(-1);
    // what is older than the pages that are loaded comes with its page
    if (!known && this.next !== null && oldest && newerFirst(oldest, incident) < 0) return;
    this.update(incident);
    if (known || incident.acknowledged) return;
    this.arrived = incident;
    this.fresh = new Set([...this.fresh, incident.id]);
    setTimeout(() => {
      this.fresh = new Set([...this.fresh].filter((id) => id !== incident.id));
    }, FRESH_MS);
  }

  #failed(error: unknown) {
    if (error instanceof Refused && error.status === 401) this.#onSignedOut();
    else this.error = error instanceof Error ? error.message : String(error);
  }
}

export const centre = new Centre();
