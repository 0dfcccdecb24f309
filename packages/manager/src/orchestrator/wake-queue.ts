/** Times to come, one a key. Setting is O(log n); a time that is replaced leaves a dead entry until it comes up. */
export class WakeQueue<T> {
  private readonly times = new Map<string, number>();
  /** A binary heap by `at`. */
  private readonly heap: { readonly key: string; readonly value: T; readonly at: number }[] = [];

  set(key: string, value: T, at: number | undefined): void {
    if (at === undefined) {
      this.times.delete(key);
    } else if (this.times.get(key) !== at) {
      this.times.set(key, at);
      this.heap.push({ key, value, at });
      this.rise(this.heap.length - 1);
    }
  }

  /** The earliest time; undefined when there is none. */
  next(): number | undefined {
    for (let first = this.heap[0]; first; first = this.heap[0]) {
      if (this.times.get(first.key) === first.at) return first.at;
      this.pop();
    }
    return undefined;
  }

  /** Removes and returns what is due by `now`. */
  take(now: number): T[] {
    const due: T[] = [];
    for (let at = this.next(); at !== undefined && at <= now; at = this.next()) {
      const first = this.pop();
      if (!first) break;
      this.times.delete(first.key);
      due.push(first.value);
    }
    return due;
  }

  private pop() {
    const first = this.heap[0];
    const last = this.heap.pop();
    if (first && last && this.heap.length > 0) {
      this.heap[0] = last;
      this.sink(0);
    }
    return first;
  }

  private rise(from: number): void {
    for (let child = from; child > 0; ) {
      const parent = (child - 1) >> 1;
      if (!this.swapped(parent, child)) return;
      child = parent;
    }
  }

  private sink(from: number): void {
    for (let parent = from; ; ) {
      const left = 2 * parent + 1;
      const child = this.at(left + 1) < this.at(left) ? left + 1 : left;
      if (child >= this.heap.length || !this.swapped(parent, child)) return;
      parent = child;
    }
  }

  /** Puts two entries right; false when they were. */
  private swapped(parent: number, child: number): boolean {
    const [above, below] = [this.heap[parent], this.heap[child]];
    if (!above || !below || above.at <= below.at) return false;
    this.heap[parent] = below;
    this.heap[child] = above;
    return true;
  }

  private at(index: number): number {
    return this.heap[index]?.at ?? Number.POSITIVE_INFINITY;
  }
}
