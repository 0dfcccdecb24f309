import { type EngineEvent, EngineUnavailable } from "@skep/engine";

type Listener = (event: EngineEvent | EngineUnavailable) => void;

/** The engine's event stream: keeps the past for `since`, ends when the engine goes away. */
export class FakeEngineEvents {
  readonly #past: EngineEvent[] = [];
  readonly #listeners = new Set<Listener>();

  /** How many streams are open. */
  get open(): number {
    return this.#listeners.size;
  }

  emit(event: EngineEvent): void {
    this.#past.push(event);
    for (const listener of this.#listeners) listener(event);
  }

  breakStreams(): void {
    for (const listener of this.#listeners) listener(new EngineUnavailable("the engine's event stream ended"));
  }

  async *stream(
    filters: Readonly<Record<string, readonly string[]>>,
    signal: AbortSignal,
    since: string | undefined,
  ): AsyncIterable<EngineEvent> {
    const queue: (EngineEvent | EngineUnavailable)[] =
      since === undefined ? [] : this.#past.filter((event) => event.timeNano / 1e9 >= Number(since));
    let wake: (() => void) | undefined;
    const listener: Listener = (event) => {
      queue.push(event);
      wake?.();
    };
    const onAbort = () => wake?.();
    this.#listeners.add(listener);
    signal.addEventListener("abort", onAbort);
    try {
      while (!signal.aborted) {
        const event = queue.shift();
        if (event instanceof EngineUnavailable) throw event;
        if (event && matches(event, filters)) yield event;
        if (!event && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.#listeners.delete(listener);
      signal.removeEventListener("abort", onAbort);
    }
  }
}

function matches(event: EngineEvent, filters: Readonly<Record<string, readonly string[]>>): boolean {
  const { type, event: actions, label } = filters;
  if (type && !type.includes(event.Type)) return false;
  if (actions && !actions.some((action) => event.Action === action || event.Action.startsWith(`${action}:`))) {
    return false;
  }
  return (label ?? []).every((wanted) => hasLabel(event.Actor.Attributes, wanted));
}

/** `key` or `key=value`, as in the engine's filters. */
export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf("=");
  if (equals < 0) return Object.hasOwn(labels, wanted);
  return labels[wanted.slice(0, equals)] === wanted.slice(equals + 1);
}
