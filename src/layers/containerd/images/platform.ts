/** For which machines something is, as OCI has it. */
export interface Platform {
  readonly os: string
  readonly architecture: string
  /** Of ARM: `v7`. */
  readonly variant?: string | undefined
}

const architectures: Readonly<Record<string, string>> = {
  x64: "amd64",
  ia32: "386",
  arm64: "arm64",
  arm: "arm",
  ppc64: "ppc64le",
  s390x: "s390x",
  riscv64: "riscv64",
  loong64: "loong64",
  mips: "mips",
  mipsel: "mipsle"
}

/** That of the engine: it is on this machine. */
export const own: Platform = ((): Platform => {
  const architecture = architectures[process.arch] ?? process.arch
  const version: unknown = Reflect.get(process.config.variables, "arm_version")
  return architecture === "arm"
    ? { os: "linux", architecture, variant: `v${String(version ?? 7)}` }
    : { os: "linux", architecture }
})()

/** What goes by another name too. */
const synonyms: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  x86_64: ["amd64"],
  "x86-64": ["amd64"],
  i386: ["386"],
  i686: ["386"],
  aarch64: ["arm64"],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"]
}

/** The same for the same machines. */
export const normalised = (
  { architecture, os, variant = "" }: Platform
): { readonly os: string; readonly architecture: string; readonly variant: string } => {
  const [plain, implied] = synonyms[architecture.toLowerCase()] ?? [architecture.toLowerCase()]
  const said = variant === "" ? implied ?? "" : variant.toLowerCase()
  const bare = /^\d+$/.test(said) ? `v${said}` : said
  const usual = plain === "arm64" && bare === "v8" || plain === "amd64" && bare === "v1"
  return {
    os: os.toLowerCase() === "macos" ? "darwin" : os.toLowerCase(),
    architecture: plain,
    variant: usual ? "" : plain === "arm" && bare === "" ? "v7" : bare
  }
}

/** `os/architecture[/variant]` */
export const parse = (text: string): Platform => {
  const [os = "", architecture = "", variant] = text.split("/")
  return variant === undefined ? { os, architecture } : { os, architecture, variant }
}

export const format = ({ architecture, os, variant = "" }: Platform): string =>
  variant === "" ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`

const level = (variant: string): number => Number(/^v(\d+)/.exec(variant)?.[1] ?? 0)

/**
 * How well a machine of platform `machine` runs what is for `offered`: 0 is best, `undefined` not at all. A later ARM
 * runs what is for an earlier one, and 64-bit machines mostly run what is for their 32-bit kin.
 */
export const rank = (machine: Platform, offered: Platform): number | undefined => {
  const wanted = normalised(machine)
  const given = normalised(offered)
  if (wanted.os !== given.os) return undefined
  if (wanted.architecture === given.architecture) {
    if (wanted.variant === given.variant) return 0
    const difference = level(wanted.variant) - level(given.variant)
    return wanted.architecture !== "arm64" && wanted.architecture !== "arm" && wanted.architecture !== "amd64"
      ? given.variant === "" ? 1 : undefined
      : difference > 0
      ? difference
      : undefined
  }
  if (wanted.architecture === "arm64" && given.architecture === "arm") return 110 - level(given.variant)
  if (wanted.architecture === "amd64" && given.architecture === "386") return 100
  return undefined
}
