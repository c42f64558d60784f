// What is drawn over a camera's picture, and every step on the way to it.

export type Point = [number, number];

/** A zone has three corners or more; a line goes from its first point to its second. */
export interface Shape {
  kind: "zone" | "line";
  id: string;
  points: Point[];
}

/** A rule as it is typed: its keys depend on its kind. */
export interface Rule {
  id: string;
  kind?: string;
  zone?: string;
  line?: string;
  [key: string]: unknown;
}

/** Four corners of a rectangle on the ground, and its sides in metres. */
export interface Calibration {
  rectangle: Point[];
  sides_m: [number, number];
}

export interface Drawing {
  shapes: Shape[];
  /** Zones in which movement counts for nothing. */
  masks: string[];
  rules: Rule[];
  calibration: Calibration | null;
}

/** What a node says of a camera, its zones, lines and rules as they are typed. */
export function drawingOf(typed: unknown): Drawing {
  const of = (typed ?? {}) as Record<string, unknown>;
  const list = <T>(key: string) => (Array.isArray(of[key]) ? (of[key] as T[]) : []);
  const zones = list<{ id: string; polygon: Point[] }>("zones");
  const lines = list<{ id: string; from: Point; to: Point }>("lines");
  const calibration = of.calibration as Calibration | undefined;
  return {
    shapes: [
      ...zones.map(({ id, polygon }): Shape => ({ kind: "zone", id, points: polygon })),
      ...lines.map(({ id, from, to }): Shape => ({ kind: "line", id, points: [from, to] })),
    ],
    masks: list<string>("motion_masks"),
    rules: list<Rule>("rules"),
    calibration: calibration?.rectangle ? calibration : null,
  };
}

const STEPS = 200;

/** To three places, which is a pixel or two; inside the picture. */
export function place([x, y]: Point): Point {
  const within = (share: number) => Math.min(1, Math.max(0, Math.round(share * 1000) / 1000));
  return [within(x), within(y)];
}

export class Board {
  now = $state.raw<Drawing>({ shapes: [], masks: [], rules: [], calibration: null });
  /** Shape that is selected, and the corner of it. */
  selected = $state<string | null>(null);
  corner = $state<number | null>(null);
  /** Corners of what is being drawn, */
  drawn = $state.raw<Point[]>([]);
  /** and where the next one would be. */
  pointer = $state.raw<Point | null>(null);
  tool = $state<"select" | "zone" | "line" | "calibration">("select");
  #past = $state.raw<Drawing[]>([]);
  #future = $state.raw<Drawing[]>([]);

  readonly shape = $derived(this.now.shapes.find((shape) => shape.id === this.selected) ?? null);

  begin(drawing: Drawing) {
    this.now = drawing;
    this.#past = [];
    this.#future = [];
    this.select(null);
  }

  /** A step that can be taken back. */
  change(drawing: Partial<Drawing>) {
    this.#past = [...this.#past, this.now].slice(-STEPS);
    this.#future = [];
    this.now = { ...this.now, ...drawing };
  }

  get mayUndo() {
    return this.#past.length > 0;
  }

  get mayRedo() {
    return this.#future.length > 0;
  }

  undo() {
    const before = this.#past.at(-1);
    if (!before) return;
    this.#future = [...this.#future, this.now];
    this.#past = this.#past.slice(0, -1);
    this.now = before;
  }

  redo() {
    const after = this.#future.at(-1);
    if (!after) return;
    this.#past = [...this.#past, this.now];
    this.#future = this.#future.slice(0, -1);
    this.now = after;
  }

  select(id: string | null, corner: number | null = null) {
    this.selected = id;
    this.corner = corner;
  }

  nextCorner(step: 1 | -1) {
    const corners = this.shape?.points.length ?? 0;
    if (corners === 0) return;
    this.corner = this.corner === null ? (step > 0 ? 0 : corners - 1) : (this.corner + step + corners) % corners;
  }

  use(tool: Board["tool"]) {
    this.tool = tool;
    this.drawn = [];
    this.pointer = null;
    if (tool !== "select") this.select(null);
  }

  /** One more corner of what is being drawn. */
  add(point: Point) {
    this.drawn = [...this.drawn, place(point)];
    if (this.tool === "line" && this.drawn.length === 2) this.finish();
    if (this.tool === "calibration" && this.drawn.length === 4) this.finish();
  }

  finish() {
    const points = this.drawn;
    if (this.tool === "calibration" && points.length === 4) {
      this.change({ calibration: { rectangle: points, sides_m: this.now.calibration?.sides_m ?? [3, 5] } });
    } else if ((this.tool === "zone" && points.length >= 3) || (this.tool === "line" && points.length === 2)) {
      const kind = this.tool;
      const id = this.#free(kind);
      this.change({ shapes: [...this.now.shapes, { kind, id, points }] });
      this.use("select");
      this.select(id);
      return;
    } else {
      return;
    }
    this.use("select");
  }

  #free(kind: string): string {
    const taken = new Set(this.now.shapes.map((shape) => shape.id));
    for (let number = 1; ; number += 1) {
      if (!taken.has(`${kind}-${number}`)) return `${kind}-${number}`;
    }
  }

  /** One more corner between this one and the next; it is held then. */
  insert(id: string, after: number, point: Point) {
    const shapes = this.now.shapes.map((shape) =>
      shape.id === id ? { ...shape, points: shape.points.toSpliced(after + 1, 0, place(point)) } : shape,
    );
    this.change({ shapes });
    this.corner = after + 1;
  }

  /** Moves a corner, as one step from where it was taken up. */
  move(id: string, corner: number, to: Point, first: boolean) {
    const shapes = this.now.shapes.map((shape) =>
      shape.id === id ? { ...shape, points: shape.points.map((p, i) => (i === corner ? place(to) : p)) } : shape,
    );
    if (first) this.change({ shapes });
    else this.now = { ...this.now, shapes };
  }

  /** Moves the selected corner or all of the shape; while something is drawn, where its next corner would be. */
  nudge([dx, dy]: Point) {
    if (this.tool !== "select") {
      const [x, y] = this.pointer ?? this.drawn.at(-1) ?? [0.5, 0.5];
      this.pointer = place([x + dx, y + dy]);
      return;
    }
    const shape = this.shape;
    if (!shape) return;
    const points = shape.points.map(([x, y], i): Point =>
      this.corner === null || this.corner === i ? place([x + dx, y + dy]) : [x, y],
    );
    this.#replace({ ...shape, points });
  }

  /** Removes the selected corner where enough are left, else the shape and the rules that need it. */
  remove() {
    const shape = this.shape;
    if (!shape) return;
    if (shape.kind === "zone" && this.corner !== null && shape.points.length > 3) {
      this.#replace({ ...shape, points: shape.points.filter((_, i) => i !== this.corner) });
      this.corner = null;
      return;
    }
    this.change({
      shapes: this.now.shapes.filter((other) => other.id !== shape.id),
      masks: this.now.masks.filter((id) => id !== shape.id),
      rules: this.now.rules.filter((rule) => rule[shape.kind] !== shape.id),
    });
    this.select(null);
  }

  /** Another name, here and in the rules that name it. */
  rename(id: string) {
    const shape = this.shape;
    if (!shape || id === "" || this.now.shapes.some((other) => other.id === id)) return;
    const old = shape.id;
    this.change({
      shapes: this.now.shapes.map((other) => (other.id === old ? { ...other, id } : other)),
      masks: this.now.masks.map((mask) => (mask === old ? id : mask)),
      rules: this.now.rules.map((rule) => (rule[shape.kind] === old ? { ...rule, [shape.kind]: id } : rule)),
    });
    this.selected = id;
  }

  /** The other way round: what went forward over a line goes backward. */
  turn() {
    const shape = this.shape;
    if (shape) this.#replace({ ...shape, points: [...shape.points].reverse() });
  }

  mask(on: boolean) {
    const id = this.selected;
    if (id === null) return;
    const others = this.now.masks.filter((mask) => mask !== id);
    this.change({ masks: on ? [...others, id] : others });
  }

  setRule(rule: Rule) {
    const known = this.now.rules.some((other) => other.id === rule.id);
    const rules = this.now.rules.map((other) => (other.id === rule.id ? rule : other));
    this.change({ rules: known ? rules : [...rules, rule] });
  }

  removeRule(id: string) {
    this.change({ rules: this.now.rules.filter((rule) => rule.id !== id) });
  }

  #replace(shape: Shape) {
    this.change({ shapes: this.now.shapes.map((other) => (other.id === shape.id ? shape : other)) });
  }
}
