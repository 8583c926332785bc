/** Runs a program of `bench/`: `npm run bench -- containerd --rounds 20`. What follows the name goes to it. */
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"

const folder = join(import.meta.dirname, "../bench")
const [name = "", ...rest] = process.argv.slice(2)
const file = join(folder, `${name}.ts`)
if (!/^[a-z]+$/.test(name) || name === "race" || !existsSync(file)) {
  const known = readdirSync(folder).map((file) => file.replace(".ts", "")).filter((name) => name !== "race")
  process.stderr.write(`npm run bench -- NAME, where NAME is ${known.join(", ")}\n`)
  process.exit(1)
}
process.exitCode = spawnSync(process.execPath, [file, ...rest], { stdio: "inherit" }).status ?? 1
