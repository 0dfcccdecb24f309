import { type Aspect, isContainerPlace, type Place, type Placed } from "./aspect.ts";
import { type ItemKey, keyOf } from "./items/item.ts";
import { type Held, held, type ItemChange } from "./items/plan.ts";

/** An item that should be in a namespace, and the aspect that asks for it. */
export interface Wanted extends Held {
  readonly aspect: Aspect;
}

/** What every namespace should hold. Fed by aspect, read by namespace. */
export class DesiredItems {
  readonly #byAspect = new Map<Aspect, readonly Placed[]>();
  readonly #byPlace = new Map<Place, Map<ItemKey, Wanted>>();

  /** Replaces what some aspects ask for; tells what that changes in which namespace. */
  update(derived: Iterable<readonly [Aspect, readonly Placed[]]>): Map<Place, ItemChange[]> {
    const before = new Map<Place, Map<ItemKey, Wanted | undefined>>();
    const all = [...derived];
    for (const [aspect] of all) this.#withdraw(aspect, before);
    for (const [aspect, placed] of all) this.#ask(aspect, placed, before);
    return new Map([...before].map(([place, keys]) => [place, this.#changes(place, keys)] as const).filter(isChanged));
  }

  of(place: Place): ReadonlyMap<ItemKey, Wanted> {
    return this.#byPlace.get(place) ?? nothing;
  }

  /** Namespaces that should hold something. */
  get places(): Place[] {
    return [...this.#byPlace.keys()];
  }

  /** Those that are made for it. */
  get routers(): Place[] {
    return this.places.filter((place) => place !== "host" && !isContainerPlace(place));
  }

  #withdraw(aspect: Aspect, before: Before): void {
    for (const { place, item } of this.#byAspect.get(aspect) ?? []) {
      const wanted = this.#byPlace.get(place);
      const key = keyOf(item);
      const current = wanted?.get(key);
      if (!wanted || current?.aspect !== aspect) continue; // another aspect has come to ask for it
      remember(before, place, key, current);
      wanted.delete(key);
      if (wanted.size === 0) this.#byPlace.delete(place);
    }
    this.#byAspect.delete(aspect);
  }

  #ask(aspect: Aspect, placed: readonly Placed[], before: Before): void {
    if (placed.length > 0) this.#byAspect.set(aspect, placed);
    for (const { place, item } of placed) {
      const wanted = this.#byPlace.get(place) ?? new Map<ItemKey, Wanted>();
      this.#byPlace.set(place, wanted);
      const key = keyOf(item);
      remember(before, place, key, wanted.get(key));
      wanted.set(key, { ...held(item), aspect });
    }
  }

  #changes(place: Place, keys: ReadonlyMap<ItemKey, Wanted | undefined>): ItemChange[] {
    const wanted = this.of(place);
    const changes: ItemChange[] = [];
    for (const [key, was] of keys) {
      const now = wanted.get(key);
      if (was?.form !== now?.form) changes.push({ key, before: was, after: now });
    }
    return changes;
  }
}

type Before = Map<Place, Map<ItemKey, Wanted | undefined>>;

const nothing: ReadonlyMap<ItemKey, Wanted> = new Map();

const isChanged = ([, changes]: readonly [Place, ItemChange[]]) => changes.length > 0;

/** Only the first time counts: that is how the kernel has it. */
function remember(before: Before, place: Place, key: ItemKey, was: Wanted | undefined): void {
  const keys = before.get(place) ?? new Map<ItemKey, Wanted | undefined>();
  before.set(place, keys);
  if (!keys.has(key)) keys.set(key, was);
}
