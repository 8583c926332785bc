/**
 * Where contenders run: a folder outside of the repository with the rivals' packages installed, this library as it was
 * built, and the small programs that drive each, as plain JavaScript. So nobody pays for TypeScript's removal.
 */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import { homedir } from "node:os"
import { dirname, join } from "node:path"

/** Nobody's dependencies but the bench's. */
export const versions: Readonly<Record<string, string>> = {
  "@docker/node-sdk": "0.0.17",
  dockerode: "5.0.1",
  "tar-fs": "3.1.3",
  testcontainers: "12.2.0"
}

export interface Stage {
  /** Of a program, by its name below `bench/` without its ending. */
  readonly path: (program: string) => string
  /** Where the rivals' packages are. */
  readonly packages: string
  /** For files that go with it. */
  readonly folder: string
}

const root = join(import.meta.dirname, "../..")

/** The folder in which these packages are installed, by the first that asks. Their scripts do not run. */
export const installed = (packages: Readonly<Record<string, string>>): string => {
  const wanted = Object.entries(packages).map(([name, version]) => `${name}@${version}`)
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache")
  const id = createHash("sha256").update(wanted.join(" ")).digest("hex").slice(0, 8)
  const folder = join(process.env["EFFECT_CONTAINERS_HOME"] ?? join(cache, "effect-containers"), "bench", id)
  if (existsSync(folder)) return folder
  mkdirSync(dirname(folder), { recursive: true })
  process.stderr.write(`bench: installing ${wanted.join(", ")} outside of the repository (this once)\n`)
  const unfinished = mkdtempSync(`${folder}-`)
  writeFileSync(join(unfinished, "package.json"), "{}\n")
  execFileSync("npm", ["install", "--prefix", unfinished, "--ignore-scripts", "--no-audit", "--no-fund", ...wanted], {
    stdio: ["ignore", "ignore", "inherit"],
    cwd: unfinished
  })
  try {
    renameSync(unfinished, folder)
  } catch (error) {
    // Somebody else was faster.
    rmSync(unfinished, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
  return folder
}

/** Makes the folder; it is gone when this process ends. */
export const stage = (): Stage => {
  const packages = installed(versions)
  const folder = mkdtempSync(join(packages, "run-"))
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1))
  mkdirSync(join(folder, "node_modules"))
  symlinkSync(root, join(folder, "node_modules/effect-containers"))
  symlinkSync(join(root, "node_modules/effect"), join(folder, "node_modules/effect"))
  for (const file of globSync("{engine,measure,rivals}/*.ts", { cwd: join(root, "bench") })) {
    const to = join(folder, file.replace(/\.ts$/, ".mjs"))
    mkdirSync(dirname(to), { recursive: true })
    const source = stripTypeScriptTypes(readFileSync(join(root, "bench", file), "utf8"))
    writeFileSync(to, source.replaceAll(/(from|import)\s*\(?("\.[^"]*)\.ts"/g, "$1 $2.mjs\""))
  }
  return { path: (program) => join(folder, `${program}.mjs`), packages: join(packages, "node_modules"), folder }
}
