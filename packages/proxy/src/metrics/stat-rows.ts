/** The columns of `show stat` that are of use here, by their names in its header. */
const statFields: readonly string[] = [
  ...[
    "qcur",
    "qmax",
    "scur",
    "smax",
    "slim",
    "stot",
    "bin",
    "bout",
    "dreq",
    "ereq",
    "econ",
    "eresp",
    "wretr",
    "wredis",
  ],
  ...["weight", "chkfail", "downtime", "rate", "rate_lim", "rate_max", "check_duration"],
  ...["hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other", "req_tot"],
  ...["qtime", "ctime", "rtime", "ttime"],
];

export type StatField = string;

/** A frontend, a backend or a server as HAProxy counts it. */
export interface StatRow {
  readonly kind: "frontend" | "backend" | "server";
  /** The frontend's or the backend's name. */
  readonly proxy: string;
  /** The server's name; empty for the others. */
  readonly server: string;
  /** `UP`, `DOWN 1/2`, `OPEN`, `no check`, ... */
  readonly status: string;
  /** Empty cells are not in it. */
  readonly values: ReadonlyMap<StatField, number>;
}

export interface ParsedStat {
  readonly rows: readonly StatRow[];
  /** Lines that do not fit the header. */
  readonly failures: number;
}

const kinds = ["frontend", "backend", "server"] as const;

/** Rows of `show stat` in CSV. Columns are found by the header, as versions differ; listeners are passed over. */
export function parseStat(csv: string): ParsedStat {
  const [header = "", ...lines] = csv.trim().split("\n");
  const names = header.replace(/^# /, "").replace(/,$/, "").split(",");
  const column = new Map(names.map((name, i) => [name, i]));
  const at = (cells: readonly string[], name: string) => cells[column.get(name) ?? -1] ?? "";
  const rows: StatRow[] = [];
  let failures = 0;
  for (const line of lines) {
    const cells = cellsOf(line);
    const kind = kinds[Number.parseInt(at(cells, "type"), 10)];
    if (cells.length < names.length) failures++;
    else if (kind) {
      const server = kind === "server" ? at(cells, "svname") : "";
      rows.push({
        kind,
        proxy: at(cells, "pxname"),
        server,
        status: at(cells, "status"),
        values: valuesOf(cells, column),
      });
    }
  }
  return { rows, failures };
}

function valuesOf(cells: readonly string[], column: ReadonlyMap<string, number>): Map<StatField, number> {
  const values = new Map<StatField, number>();
  for (const field of statFields) {
    const cell = cells[column.get(field) ?? -1];
    if (cell) values.set(field, Number(cell));
  }
  return values;
}

/** Only what a server's check says may be in quotes. */
function cellsOf(line: string): string[] {
  if (!line.includes('"')) return line.split(",");
  return [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, cell = ""]) =>
    cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell,
  );
}

export const rowKey = ({ kind, proxy, server }: StatRow): string => `${kind} ${proxy} ${server}`;
