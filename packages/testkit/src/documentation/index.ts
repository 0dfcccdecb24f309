export { differences } from "./differences.ts";
export { filesOf, type Page, readPage, readPages, repository, type Step, stepsOf } from "./pages.ts";
