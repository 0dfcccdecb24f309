export { type ControllerNumbers, controllerFamilies } from "./controller-families.ts";
export { expositionType, type Family, renderExposition, type Sample } from "./exposition.ts";
export { type Rates, ratesOf } from "./rates.ts";
export { statFamilies } from "./stat-families.ts";
export { parseStat, type StatRow } from "./stat-rows.ts";
export { StatTotals } from "./stat-totals.ts";
