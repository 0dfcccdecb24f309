export * from "./fake-clock.ts";
export * from "./fake-engine.ts";
