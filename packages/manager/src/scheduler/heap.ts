/** A binary heap: the least item first. */
export class Heap<T> {
  private readonly items: T[];
  private readonly compare: (a: T, b: T) => number;

  constructor(items: Iterable<T>, compare: (a: T, b: T) => number) {
    this.items = [...items];
    this.compare = compare;
    for (let index = (this.items.length >> 1) - 1; index >= 0; index--) this.sink(index);
  }

  get least(): T | undefined {
    return this.items[0];
  }

  /** Call after the least item has become greater. */
  leastGrew(): void {
    this.sink(0);
  }

  removeLeast(): void {
    const last = this.items.pop();
    if (last === undefined || this.items.length === 0) return;
    this.items[0] = last;
    this.sink(0);
  }

  private sink(start: number): void {
    const item = this.items[start];
    if (item === undefined) return;
    let index = start;
    for (;;) {
      const childIndex = this.lesserChild(index);
      const child = this.items[childIndex];
      if (child === undefined || this.compare(item, child) <= 0) break;
      this.items[index] = child;
      index = childIndex;
    }
    this.items[index] = item;
  }

  private lesserChild(index: number): number {
    const left = 2 * index + 1;
    const [a, b] = [this.items[left], this.items[left + 1]];
    return a !== undefined && b !== undefined && this.compare(b, a) < 0 ? left + 1 : left;
  }
}
