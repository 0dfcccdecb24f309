/**
 * Finds ids by prefix without looking at all of them. The sorted list is made at the first look-up and then kept up at
 * each further one, so that writes pay next to nothing for it.
 */
export class SortedIds {
  private sorted: string[] | undefined;
  private added: string[] = [];
  private removed = new Set<string>();

  /** `id` is new. */
  add(id: string): void {
    if (!this.sorted) return;
    if (!this.removed.delete(id)) this.added.push(id);
    this.forgetWhenMostlyStale(this.sorted);
  }

  /** `id` was there. */
  remove(id: string): void {
    if (!this.sorted) return;
    this.removed.add(id);
    this.forgetWhenMostlyStale(this.sorted);
  }

  /** The ids that start with `prefix`, in order; `all` gives every id when the list has to be made anew. */
  *withPrefix(prefix: string, all: () => Iterable<string>): Generator<string> {
    const ids = this.refresh(all);
    for (let at = lowerBound(ids, prefix); at < ids.length; at++) {
      const id = ids[at];
      if (id === undefined || !id.startsWith(prefix)) return;
      yield id;
    }
  }

  private refresh(all: () => Iterable<string>): readonly string[] {
    if (!this.sorted) this.sorted = [...all()].sort();
    else if (this.added.length > 0 || this.removed.size > 0) {
      this.sorted = merge(this.sorted, this.added.sort(), this.removed);
    }
    this.clearChanges();
    return this.sorted;
  }

  private forgetWhenMostlyStale(sorted: readonly string[]): void {
    if (this.added.length + this.removed.size <= 1000 + sorted.length / 2) return;
    this.sorted = undefined;
    this.clearChanges();
  }

  private clearChanges(): void {
    if (this.added.length > 0) this.added = [];
    if (this.removed.size > 0) this.removed = new Set();
  }
}

function lowerBound(ids: readonly string[], wanted: string): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ids[middle] ?? "") < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

function merge(left: readonly string[], right: readonly string[], without: ReadonlySet<string>): string[] {
  const merged: string[] = [];
  let at = 0;
  const keep = (id: string) => without.has(id) || merged.push(id);
  for (const id of left) {
    for (let next = right[at]; next !== undefined && next < id; next = right[++at]) keep(next);
    keep(id);
  }
  for (; at < right.length; at++) keep(right[at] ?? "");
  return merged;
}
