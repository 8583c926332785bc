/**
 * Completes package-lock.json after `npm install`.
 *
 * A registry may lack the binaries of some tool for other platforms. `npm install` then leaves them out of the lock,
 * and `npm ci` refuses it: "Missing: ... from lock file". This adds the absent ones as what they are, optional and for
 * another platform, so that `npm ci` takes the lock and skips them. A later `npm install` keeps them.
 */
import { readFileSync, writeFileSync } from "node:fs"

interface Package {
  readonly version?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly os?: ReadonlyArray<string>
  readonly cpu?: ReadonlyArray<string>
  readonly libc?: ReadonlyArray<string>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const file = "package-lock.json"
const lock = JSON.parse(readFileSync(file, "utf8")) as { packages: Record<string, Package> }

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"]
const processors = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"]
const libraries: Readonly<Record<string, string>> = { gnu: "glibc", glibc: "glibc", musl: "musl" }

/** Node looks for a package in each node_modules on the way up; so does this. */
const found = (from: string, name: string): boolean => {
  for (let at = from;; at = at.includes("/node_modules/") ? at.slice(0, at.lastIndexOf("/node_modules/")) : "") {
    if (`${at === "" ? "" : `${at}/`}node_modules/${name}` in lock.packages) return true
    if (at === "") return false
  }
}

const added: Array<string> = []
for (const [path, from] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(from.optionalDependencies ?? {})) {
    if (found(path, name)) continue
    const words = name.slice(name.lastIndexOf("/") + 1).split("-")
    const os = systems.find((system) => words.includes(system))
    const cpu = processors.find((processor) => words.includes(processor))
    const library = words.map((word) => libraries[word.replace(/eabi(hf)?$/, "")]).find((word) => word !== undefined)
    if (os === undefined || !/^\d/.test(version)) {
      process.stderr.write(`left out: ${name}@${version}, which names no platform or no exact version\n`)
      process.exitCode = 1
      continue
    }
    lock.packages[`node_modules/${name}`] = {
      version,
      ...cpu === undefined ? {} : { cpu: [cpu] },
      ...from.dev === true ? { dev: true } : {},
      ...library === undefined ? {} : { libc: [library] },
      optional: true,
      os: [os]
    }
    added.push(name)
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => a.localeCompare(b, "en")))
const text = `${JSON.stringify(lock, null, 2)}\n`
if (/"resolved": "https?:/.test(text)) {
  process.stderr.write("the lock names a registry's host: .npmrc was not in force when it was written\n")
  process.exitCode = 1
}
writeFileSync(file, text)
process.stdout.write(`${added.length} platforms' packages added to ${file}\n`)
