import type { ServiceId } from "@skep/model";

/** A service rests this many times as long as planning it took. */
const restRatio = 4;
/** Planning that is quicker than this needs no rest. */
const cheapMs = 2;

/** Keeps a service that is expensive to plan from being planned all the time, while the others go on. */
export class Pace {
  private readonly restingUntil = new Map<ServiceId, number>();

  spent(serviceId: ServiceId, ms: number, now: number): void {
    if (ms >= cheapMs) this.restingUntil.set(serviceId, now + restRatio * ms);
    else this.restingUntil.delete(serviceId);
  }

  /** When the service may be planned; undefined when it may now. */
  restsUntil(serviceId: ServiceId, now: number): number | undefined {
    const until = this.restingUntil.get(serviceId);
    if (until === undefined || until > now) return until;
    this.restingUntil.delete(serviceId);
    return undefined;
  }
}
