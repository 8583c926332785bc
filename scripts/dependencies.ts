/**
 * Looks at what users get besides the package itself: everything in the lock that is not for development alone.
 *
 * Each package must have been looked at: a line of `dependencies.txt` has its name, the versions that were (`1` is any
 * 1.x), whether it has an install script, and its licence. No package, of development too, has an install script about
 * which package.json's `allowScripts` says nothing, and none that users get may run one. What the registry knows of
 * vulnerabilities is asked for where it has an answer: high ones and above are a failure. `--write` puts the list in line
 * with the tree, to be read before it is committed.
 */
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"

interface Locked {
  readonly version: string
  readonly dev?: boolean
  readonly hasInstallScript?: boolean
}

const json = <A>(text: string): A => JSON.parse(text) as A
const file = (path: string | URL) => readFileSync(path, "utf8")
const list = new URL("dependencies.txt", import.meta.url)

const reviewed = file(list).split("\n").filter((line) => line !== "")
const { packages } = json<{ readonly packages: Record<string, Locked> }>(file("package-lock.json"))
const { allowScripts } = json<{ readonly allowScripts: Record<string, boolean> }>(file("package.json"))

/** As a caret has it: the parts that may not change. */
const range = (version: string): string => /^(?:0\.0\.\d+|0\.\d+|\d+)/.exec(version)?.[0] ?? version

/** `undefined` of one that is not installed here: optional, or of another platform. */
const licenceOf = (path: string): string | undefined => {
  if (!existsSync(`${path}/package.json`)) return undefined
  const said = json<{ license?: string | { type: string }; licenses?: ReadonlyArray<{ type: string }> }>(
    file(`${path}/package.json`)
  )
  const { license = said.licenses } = said
  return typeof license === "string" ? license : [license ?? []].flat().map(({ type }) => type).join(" OR ")
}

const problems: Array<string> = []
const found = new Set<string>()
for (const [path, { dev, hasInstallScript, version }] of Object.entries(packages)) {
  if (path === "") continue
  const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length)
  if (hasInstallScript === true && allowScripts[name] === undefined) {
    problems.push(`${name} ${version} has an install script about which package.json's allowScripts says nothing`)
  }
  if (dev === true) continue
  if (hasInstallScript === true && allowScripts[name] === true) {
    problems.push(`${name} ${version} may run an install script, and users get it`)
  }
  const is = `${name} ${range(version)} ${hasInstallScript === true ? "script" : "no-script"} `
  const licence = licenceOf(path) ?? reviewed.find((line) => line.startsWith(is))?.slice(is.length) ?? "unknown"
  found.add(is + licence)
  if (!reviewed.includes(is + licence)) problems.push(`${name} ${version} was not looked at as it is: ${is}${licence}`)
}
for (const line of reviewed) if (!found.has(line)) problems.push(`not in the tree: ${line}`)
if (process.argv.includes("--write")) writeFileSync(list, [...found].toSorted().map((line) => `${line}\n`).join(""))

interface Audit {
  readonly message?: string
  readonly vulnerabilities?: Record<string, { readonly severity: string; readonly range: string }>
}

const { stdout } = spawnSync("npm", ["audit", "--omit=dev", "--json"], { encoding: "utf8" })
const { message = "no answer", vulnerabilities } = json<Audit>(stdout.slice(Math.max(0, stdout.indexOf("{"))) || "{}")
const bad = Object.entries(vulnerabilities ?? {}).filter(([, { severity }]) => /^(?:high|critical)$/.test(severity))
for (const [name, { range, severity }] of bad) problems.push(`${name} ${range}: ${severity}, see npm audit`)

for (const problem of problems) process.stderr.write(`${problem}\n`)
const audit = vulnerabilities === undefined
  ? `not audited, the registry cannot: ${message.split(" - ")[0]}`
  : `${bad.length} of high severity or above`
process.stdout.write(`dependencies: ${found.size} that users get, ${problems.length} problems; ${audit}\n`)
process.exitCode = problems.length === 0 ? 0 : 1
