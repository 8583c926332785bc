/**
 * Looks at the package as a user would get it: the packed tarball, unpacked into a project of its own.
 *
 * It must have what is documented and nothing else, every public module must load, no back room may be reached, the
 * core must not load an engine, and what it imports must be among its dependencies. publint and attw have their say too.
 * With `--write`, package.json's exports are brought in line with the folders of src.
 */
import { execFileSync } from "node:child_process"
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { builtinModules } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"

interface Manifest {
  exports: Record<string, string | null>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest
const problems: Array<string> = []
/** Bytes. The code that runs keeps its comments, so that nobody needs the sources and maps to read it. */
const largest = 1_000_000
const folders = (path: string) =>
  readdirSync(path, { withFileTypes: true }).flatMap((entry) => entry.isDirectory() ? [entry.name] : [])

// Every folder is a back room, but for the one with the engines.
const rooms = [
  ...folders("src").filter((name) => name !== "layers"),
  ...folders("src/layers").map((name) => `layers/${name}`)
].toSorted()
const open = Object.entries(manifest.exports).filter(([path, to]) => to !== null || path === "./index")
const expected = Object.fromEntries([...open, ...rooms.map((room) => [`./${room}/*`, null])]) as Manifest["exports"]
if (JSON.stringify(expected) !== JSON.stringify(manifest.exports)) {
  if (process.argv.includes("--write")) {
    manifest.exports = expected
    writeFileSync("package.json", `${JSON.stringify(manifest, null, 2)}\n`)
  } else problems.push("package.json's exports do not match the folders of src: node scripts/package-check.ts --write")
}

const run = (command: string, ...parameters: ReadonlyArray<string>): string => {
  try {
    return execFileSync(command, parameters, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
  } catch (error) {
    const said = error instanceof Error && "stdout" in error && "stderr" in error
      ? `${String(error.stdout)}${String(error.stderr)}`
      : String(error)
    problems.push(`${command} ${parameters.join(" ")}:\n${said.trim()}`)
    return ""
  }
}

const folder = mkdtempSync(join(tmpdir(), "effect-containers-package-"))
try {
  const packed = JSON.parse(run("npm", "pack", "--json", "--ignore-scripts", "--pack-destination", folder) || "[]") as
    | ReadonlyArray<{ readonly filename: string }>
    | Readonly<Record<string, { readonly filename: string }>>
  const [first] = Object.values(packed)
  if (first === undefined) throw new Error(problems.join("\n"))
  const tarball = join(folder, first.filename)
  const { size } = statSync(tarball)
  if (size > largest) problems.push(`the tarball has ${size} bytes, and ${largest} is the most that it may have`)
  const installed = join(folder, "node_modules/effect-containers")
  mkdirSync(installed, { recursive: true })
  execFileSync("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"])
  for (const name of [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)]) {
    mkdirSync(dirname(join(folder, "node_modules", name)), { recursive: true })
    symlinkSync(resolve("node_modules", name), join(folder, "node_modules", name))
  }

  const sources = globSync("src/**/*.ts").map((file) => file.slice("src/".length, -".ts".length))
  const documents = ["LICENSE", "README.md", "CHANGELOG.md", "package.json"]
  const wanted = new Set([
    ...documents,
    ...sources.flatMap((name) => [`dist/${name}.js`, `dist/${name}.d.ts`])
  ])
  const has = new Set(
    globSync("**/*", { cwd: installed, withFileTypes: true })
      .flatMap((entry) => entry.isFile() ? [join(entry.parentPath, entry.name).slice(installed.length + 1)] : [])
  )
  for (const file of has) if (!wanted.has(file)) problems.push(`the package has ${file}, which is no part of it`)
  for (const file of wanted) {
    if (!has.has(file) && (file !== "CHANGELOG.md" || existsSync(file))) problems.push(`the package lacks ${file}`)
  }

  const statements =
    /^(?:import|export)\s+(?:[\w$*\s,]*(?:\{[^}]*\})?\s*from\s*)?["']([^"']+)["']|\bimport\(["']([^"']+)["']\)/gm
  const bare = (specifier: string) => specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/")
  const importsOf = (file: string): ReadonlyArray<string> =>
    [...readFileSync(join(installed, file), "utf8").matchAll(statements)].map((match) => match[1] ?? match[2] ?? "")
  const scripts = [...has].filter((file) => file.endsWith(".js"))
  const allowed = new Set([...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)])
  for (const file of scripts) {
    for (const specifier of importsOf(file)) {
      if (specifier.startsWith(".") || specifier.startsWith("node:") || builtinModules.includes(specifier)) continue
      if (!allowed.has(bare(specifier))) {
        problems.push(`${file} imports ${specifier}, which package.json does not ask for`)
      }
      if (!file.startsWith("dist/layers/") && ["dockerode", "@grpc/grpc-js"].includes(bare(specifier))) {
        problems.push(`${file} imports ${specifier}: only a layer may`)
      }
    }
  }
  const seen = new Set<string>()
  const walk = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    for (const specifier of importsOf(file)) if (specifier.startsWith(".")) walk(join(dirname(file), specifier))
  }
  walk("dist/index.js")
  for (const file of seen) if (file.startsWith("dist/layers/")) problems.push(`the core loads ${file}`)

  const entry = (name: string) => name === "index" ? "effect-containers" : `effect-containers/${name}`
  const isPublic = (name: string) => !rooms.some((room) => name.startsWith(`${room}/`))
  const load = (names: ReadonlyArray<string>) =>
    run(
      process.execPath,
      "--input-type=module",
      "--eval",
      `import { createRequire } from "node:module"
       const { resolve } = createRequire(${JSON.stringify(join(folder, "index.js"))})
       const answers = []
       for (const name of ${JSON.stringify(names)}) {
         try { await import(resolve(name)); answers.push("loads") } catch (error) { answers.push(error.code ?? String(error)) }
       }
       process.stdout.write(JSON.stringify(answers))`
    )
  const answers = JSON.parse(load(sources.map(entry)) || "[]") as ReadonlyArray<string>
  for (const [index, name] of sources.entries()) {
    const right = isPublic(name) ? "loads" : "ERR_PACKAGE_PATH_NOT_EXPORTED"
    if (answers[index] !== right) problems.push(`import "${entry(name)}": ${answers[index]}, where ${right} is right`)
  }

  run("publint", tarball, "--strict")
  run("attw", tarball, "--profile", "esm-only", "--no-color", "--no-emoji")
  process.stdout.write(`${has.size} files; ${sources.filter(isPublic).length} public modules\n`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
for (const problem of problems) process.stderr.write(`${problem}\n`)
process.exitCode = problems.length === 0 ? 0 : 1
