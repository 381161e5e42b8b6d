// What a scenario says: each thing that holds is a line, the first that does not ends it.

/** Longest wait for anything in milliseconds: other programs use this machine too. */
export const PATIENCE = 20_000;

/** A thing that does not hold, or does not come in time. */
export class Failed extends Error {}

/**
 * Returns what `look` finds, once it finds something.
 * @template Found
 * @param {string} what
 * @param {() => Found | Promise<Found>} look asked again until it returns something truthy
 * @param {number} [patience]
 * @returns {Promise<NonNullable<Found>>}
 */
export async function until(what, look, patience = PATIENCE) {
  const deadline = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Failed(`not in time: ${what}`);
    await new Promise((resume) => setTimeout(resume, 50));
  }
}

/** The lines of one scenario. They are printed together: scenarios run beside each other. */
export class Report {
  /** @param {string} name */
  constructor(name) {
    this.name = name;
    /** @type {string[]} */
    this.lines = [];
  }

  /**
   * @param {unknown} condition
   * @param {string} what a sentence that is true if the condition is
   */
  check(condition, what) {
    if (!condition) throw new Failed(what);
    this.lines.push(`ok - console: ${this.name}: ${what}`);
  }

  /** A measurement, which is no check. @param {string} what */
  note(what) {
    this.lines.push(`# console: ${this.name}: ${what}`);
  }
}
