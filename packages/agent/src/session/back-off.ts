const firstMs = 100;
const longestMs = 8000;

/** How long to wait before attempt `failures` + 1: twice as long each time, half of it by chance (`random` in 0…1). */
export const backOffMs = (failures: number, random: number): number =>
  Math.min(longestMs, firstMs * 2 ** Math.min(failures, 30)) * (0.5 + random / 2);
