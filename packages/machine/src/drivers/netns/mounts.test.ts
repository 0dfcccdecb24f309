import { expect, test } from "vitest";
import { mountsOf, parseMounts } from "./mounts.ts";

const own = parseMounts(
  [
    "47 1 254:0 / / rw - ext4 /dev/vda rw",
    "50 47 0:30 / /tmp rw - tmpfs tmpfs rw",
    "51 47 254:1 /deep/data /data rw - ext4 /dev/vdb rw",
    "",
  ].join("\n"),
);
const points = (folder: string, ...lines: string[]) =>
  mountsOf(folder, own, parseMounts(lines.join("\n"))).map(({ point }) => point);

test("a mount below the folder is found", () => {
  expect(
    points("/m", "60 47 0:4 net:[1] /m/node-1/x rw - nsfs nsfs rw", "61 47 0:4 net:[1] /mm rw - nsfs nsfs rw"),
  ).toEqual(["/m/node-1/x"]);
});

test("so is one elsewhere of what is in the folder, also when the folder is gone", () => {
  expect(
    points(
      "/m",
      "60 47 254:0 /m/node-1/run /run rw - ext4 /dev/vda rw",
      "61 47 254:0 /m/node-2/run//deleted /run rw - ext4 /dev/vda rw",
      "62 47 254:1 /m/node-1/run /other rw - ext4 /dev/vdb rw",
      "63 47 254:0 /run/netns /run/netns rw - ext4 /dev/vda rw",
    ),
  ).toEqual(["/run", "/run"]);
});

test("paths are those within the folder's own file system", () => {
  expect(points("/tmp/a b", "60 47 0:30 /a\\040b/n/run /run rw - tmpfs tmpfs rw")).toEqual(["/run"]);
  expect(points("/data/m", "60 47 254:1 /deep/data/m/n/run /run rw - ext4 /dev/vdb rw")).toEqual(["/run"]);
});
