// The command centre's time, ticking once a second. Ages are measured against it, since an operator's clock may be wrong.

class Clock {
  #offset = 0;
  now = $state(Date.now());

  constructor() {
    setInterval(() => this.#tick(), 1000);
  }

  #tick() {
    this.now = Date.now() + this.#offset;
  }

  /** Takes over the centre's time. */
  set(iso: string) {
    this.#offset = Date.parse(iso) - Date.now();
    this.#tick();
  }
}

export const clock = new Clock();
