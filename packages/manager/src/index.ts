export { tlsInfo } from "./ca/index.ts";
export * from "./control/index.ts";
