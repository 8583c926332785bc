/**
 * Runs programs of `bench/`: `npm run bench -- containerd --rounds 20`. What follows the name goes to it; `--keep` puts
 * what it finds into `docs/performance`. `npm run bench` runs all, keeps it and makes `docs/performance.md` of it;
 * `npm run bench -- --page` makes the page again of what is kept.
 */
import { spawnSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { order, writePage } from "../bench/page/page.ts"

const folder = join(import.meta.dirname, "../bench")
const known = readdirSync(folder).filter((file) => file.endsWith(".ts")).map((file) => file.replace(".ts", ""))

const run = (name: string, rest: ReadonlyArray<string>): boolean =>
  spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", join(folder, `${name}.ts`), ...rest], {
    stdio: "inherit"
  }).status === 0

const [name, ...rest] = process.argv.slice(2)
if (name === undefined) {
  // One that fails leaves what was kept of it before.
  const failed = order(known).filter((each) => !run(each, ["--keep"]))
  writePage()
  if (failed.length > 0) process.stderr.write(`failed: ${failed.join(", ")}\n`)
  process.exitCode = failed.length > 0 ? 1 : 0
} else if (name === "--page") writePage()
else if (known.includes(name)) process.exitCode = run(name, rest) ? 0 : 1
else {
  process.stderr.write(`npm run bench -- NAME, where NAME is ${order(known).join(", ")}; or --page\n`)
  process.exitCode = 1
}
