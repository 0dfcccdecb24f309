export { EmbeddedStore, type EmbeddedStoreOptions } from "./embedded/embedded-store.ts";
export { slotKey } from "./index-keys.ts";
export { MemoryStore, type MemoryStoreOptions } from "./memory/memory-store.ts";
export * from "./store.ts";
