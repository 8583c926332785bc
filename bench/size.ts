/**
 * What a user installs: packages, bytes, and the package itself.
 *
 * Usage: npm run bench -- size
 */
import { execFileSync } from "node:child_process"
import { globSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { report } from "./measure/report.ts"
import { ours, type Row } from "./measure/table.ts"
import { installed, versions } from "./stage/stage.ts"

const root = join(import.meta.dirname, "..")
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

const pack = (): number => {
  const folder = mkdtempSync(join(tmpdir(), "effect-containers-size-"))
  try {
    execFileSync("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], { cwd: root, stdio: "ignore" })
    const [tarball = ""] = globSync("*.tgz", { cwd: folder })
    return statSync(join(folder, tarball)).size / 1e6
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Installed {
  readonly packages: ReadonlyArray<string>
  readonly megabytes: number
}

const look = (folder: string): Installed => {
  const lock = JSON.parse(readFileSync(join(folder, "node_modules/.package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, unknown>>
  }
  const packages = Object.keys(lock.packages).map((path) => path.replace(/^.*node_modules\//, ""))
  const files = globSync("node_modules/**", { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile())
  const bytes = files.reduce((sum, { name, parentPath }) => sum + statSync(join(parentPath, name)).size, 0)
  return { packages, megabytes: bytes / 1e6 }
}

const one = (name: string) => look(installed({ [name]: versions[name] ?? "" }))

const mine = look(installed({ ...manifest.dependencies, ...manifest.peerDependencies }))
const all: Readonly<Record<string, Installed>> = {
  dockerode: one("dockerode"),
  [ours]: mine,
  "@docker/node-sdk": one("@docker/node-sdk"),
  testcontainers: one("testcontainers")
}
const rows = (of: (what: Installed) => number): ReadonlyArray<Row> =>
  Object.entries(all).map(([name, what]) => ({ name, values: [of(what)] }))

// What dockerode, grpc-js and Effect need by themselves, each package once.
const needed = new Set(
  [
    all["dockerode"],
    look(installed({ "@grpc/grpc-js": manifest.dependencies["@grpc/grpc-js"] ?? "" })),
    look(
      installed({ effect: manifest.peerDependencies["effect"] ?? "" })
    )
  ].flatMap((each) => each?.packages ?? [])
)

report({
  bench: "size",
  title: "What is installed",
  how:
    "Each is installed by npm into an empty folder, and what is there is counted: this library's dependencies with `effect`, "
    + "which whoever uses it has already. The package itself is what `npm pack` makes.",
  tables: [
    {
      title: "Packages",
      quantity: "packages installed",
      unit: "",
      base: "dockerode",
      rows: rows(({ packages }) => packages.length),
      targets: [{ of: "value", atMost: needed.size }],
      note: `dockerode, grpc-js and Effect need ${needed.size} together. This library's are: ${
        mine.packages.map((name) => `\`${name}\``).join(", ")
      }.`
    },
    {
      title: "Bytes installed",
      quantity: "size of all files",
      unit: "MB",
      base: "dockerode",
      rows: rows(({ megabytes }) => megabytes),
      targets: []
    },
    {
      title: "The package itself",
      quantity: "size of the tarball",
      unit: "MB",
      base: ours,
      rows: [{ name: ours, values: [pack()] }],
      targets: [{ of: "value", atMost: 1 }]
    }
  ]
})
