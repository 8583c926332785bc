/**
 * Where things are kept: downloads in a cache that stays, everything else in a folder that goes with the run.
 */
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { accessSync, constants, existsSync, mkdirSync, statSync } from "node:fs"
import { homedir } from "node:os"
import { delimiter, join, resolve } from "node:path"
import { promisify } from "node:util"
import {
  cliPackages,
  gvisorPackages,
  packages as enginePackages,
  podmanPackages,
  postgresPackages,
  type Row
} from "./table.ts"

/** Something that a person can put right, said in one or two lines. */
export class EnginesError extends Error {
  override readonly name = "EnginesError"
}

const execute = promisify(execFile)

/** An engine sees folders of its own in these places, so nothing that it is to share can be there. */
const hidden = ["/dev/", "/etc/", "/proc/", "/run/", "/sys/", "/usr/", "/var/lib/"]

/** A unix socket's path has 107 bytes at most, and the engine's own adds up to 45 to this folder. */
const longest = 60

const home = resolve(
  process.env["EFFECT_CONTAINERS_HOME"] ??
    join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "effect-containers")
)

const usable = (folder: string) =>
  Buffer.byteLength(folder) <= longest && !hidden.some((prefix) => `${folder}/`.startsWith(prefix))

const ownFolder = (folder: string): string => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (process.getuid !== undefined && statSync(folder).uid !== process.getuid()) {
    throw new EnginesError(`${folder} belongs to somebody else`)
  }
  return folder
}

/** The folder of everything that is running, created when missing. */
export const runFolder = (): string => {
  const inHome = join(home, "run")
  return ownFolder(usable(inHome) ? inHome : `/var/tmp/effect-containers-${process.getuid?.() ?? 0}`)
}

const suiteFolder = (suite: Row["suite"], packages: ReadonlyArray<string>): string => {
  const contents = createHash("sha256").update(packages.join(" ")).digest("hex").slice(0, 8)
  const folder = join(home, "suites", `${suite}-${contents}`)
  if (!hidden.some((prefix) => folder.startsWith(prefix))) return folder
  return join(ownFolder(`/var/tmp/effect-containers-${process.getuid?.() ?? 0}`), "suites", `${suite}-${contents}`)
}

export const script = (name: string): string => join(import.meta.dirname, name)

export const inPath = (program: string) =>
  [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

const lacking = (programs: ReadonlyArray<string>) => programs.filter((program) => !inPath(program))

/** Why packages cannot be unpacked here, or `undefined` when they can. */
export const cannotFetch = (): string | undefined => {
  if (process.platform !== "linux") return "it is not Linux"
  const missing = lacking(["apt-get", "dpkg-deb", "flock", "tar"])
  return missing.length === 0 ? undefined : `it has no ${missing.join(", ")}`
}

/** Why no private engine can be started here, or `undefined` when it can. */
export const cannotStart = (): string | undefined => {
  const fetch = cannotFetch()
  if (fetch !== undefined) return fetch
  if (process.getuid?.() !== 0) return "this user is not root"
  const missing = lacking(["unshare", "nsenter", "setpriv", "mount"])
  return missing.length === 0 ? undefined : `it has no ${missing.join(", ")}`
}

/**
 * The folder of a Debian suite's programs, downloaded and unpacked by the first that asks; others wait for it. Fails
 * with an {@link EnginesError} where there is no apt, or nothing to download from.
 */
export const suite = async (
  name: Row["suite"],
  kind: Row["kind"] | "gvisor" | "cli" | "postgres" = "docker"
): Promise<string> => {
  const packages = kind === "podman"
    ? podmanPackages
    : kind === "gvisor"
    ? gvisorPackages
    : kind === "cli"
    ? cliPackages
    : kind === "postgres"
    ? postgresPackages
    : enginePackages
  const folder = suiteFolder(name, packages)
  if (existsSync(folder)) return folder
  const why = cannotFetch()
  if (why !== undefined) throw new EnginesError(`Debian's packages cannot be unpacked on this machine: ${why}`)
  mkdirSync(join(folder, ".."), { recursive: true })
  process.stderr.write(`engines: downloading programs of Debian ${name} (up to 100 MB, this once)\n`)
  try {
    const { stderr } = await execute("flock", [`${folder}.lock`, "bash", script("fetch.sh"), name, folder, ...packages])
    process.stderr.write(stderr)
  } catch (error) {
    const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error)
    throw new EnginesError(said)
  }
  return folder
}
