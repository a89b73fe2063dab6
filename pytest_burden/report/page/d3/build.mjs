// Writes d3.js, and d3.txt that says what is in it, into the folder that is given.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const folder = process.argv[2];
const made = await build({
  entryPoints: ["index.js"],
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "d3",
  target: "es2020",
  charset: "ascii",
  legalComments: "none",
  metafile: true,
  write: false,
});
const [{ text }] = made.outputFiles;
const [{ inputs }] = Object.values(made.metafile.outputs);
const used = Object.entries(inputs)
  .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  .flatMap(([path]) => /node_modules\/([^/]+)/.exec(path)?.[1] ?? []);
const packages = [...new Set(used)].sort().map((name) => {
  const inside = join("node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(inside, "package.json"), "utf8"));
  return { name, version, license, text: readFileSync(join(inside, "LICENSE"), "utf8").trim() };
});
const hash = createHash("sha256").update(text).digest("hex");
const licences = new Map();
for (const each of packages) licences.set(each.text, [...(licences.get(each.text) ?? []), each.name]);
writeFileSync(join(folder, "d3.js"), text);
writeFileSync(join(folder, "d3.txt"), `d3.js holds parts of D3, https://d3js.org, bundled by esbuild from npm's packages.
It is made by \`make page-library\` of pytest_burden/report/page/d3, where the lock file has the hash of each package.

sha256 ${hash}

${packages.map(({ name, version, license }) => `${name} ${version}, ${license}`).join("\n")}

${[...licences].map(([licence, names]) => `The licence of ${names.join(", ")}:\n\n${licence}`).join("\n\n")}
`);
