import * as Platform from "effect-containers/layers/containerd/images/platform"
import { candidates } from "effect-containers/layers/containerd/images/store"
import { describe, expect, it } from "vitest"

const rank = (machine: string, offered: string) => Platform.rank(Platform.parse(machine), Platform.parse(offered))

describe("which machine runs what", () => {
  it("the same, whatever it is called", () => {
    for (
      const [machine, offered] of [
        ["linux/amd64", "linux/amd64"],
        ["linux/amd64", "linux/x86_64"],
        ["linux/amd64", "linux/amd64/v1"],
        ["linux/arm64", "linux/arm64/v8"],
        ["linux/arm64/v8", "linux/aarch64"],
        ["linux/arm/v7", "linux/arm"],
        ["linux/arm/v7", "linux/armhf"],
        ["linux/arm/7", "linux/arm/v7"],
        ["linux/s390x", "linux/s390x"]
      ] as const
    ) expect(rank(machine, offered), `${machine} ${offered}`).toBe(0)
  })
  it("what is older, worse", () => {
    expect(rank("linux/arm/v7", "linux/arm/v6")).toBe(1)
    expect(rank("linux/arm/v7", "linux/arm/v5")).toBe(2)
    expect(rank("linux/arm64", "linux/arm/v7")).toBeLessThan(rank("linux/arm64", "linux/arm/v6") ?? 0)
    expect(rank("linux/amd64", "linux/386")).toBeGreaterThan(0)
  })
  it("nothing else", () => {
    for (
      const [machine, offered] of [
        ["linux/amd64", "windows/amd64"],
        ["linux/amd64", "linux/arm64"],
        ["linux/arm/v6", "linux/arm/v7"],
        ["linux/386", "linux/amd64"],
        ["linux/arm", "linux/arm64"],
        ["linux/amd64", "linux/amd64/v3"],
        ["linux/amd64", "unknown/unknown"]
      ] as const
    ) expect(rank(machine, offered), `${machine} ${offered}`).toBe(undefined)
  })
})

/** As a document has it: without a variant there is none. */
const plain = (text: string) => {
  const { architecture, os, variant } = Platform.parse(text)
  return variant === undefined ? { os, architecture } : { os, architecture, variant }
}

describe("the entries of an index", () => {
  const entry = (platform: string | undefined, mediaType = "application/vnd.oci.image.manifest.v1+json") => ({
    mediaType,
    digest: `sha256:${"0".repeat(64)}`,
    size: 1,
    ...(platform === undefined ? {} : { platform: plain(platform) })
  })
  const shown = (entries: ReturnType<typeof candidates>) =>
    entries.map(({ platform }) => platform === undefined ? undefined : Platform.format(platform))
  const arm = Platform.parse("linux/arm64")
  const entries = [
    entry(undefined),
    entry("linux/arm/v6"),
    entry("unknown/unknown"),
    entry("linux/arm/v7"),
    entry("linux/amd64"),
    entry("linux/arm64", "application/vnd.oci.image.index.v1+json"),
    entry("linux/arm64/v8")
  ]
  it("the best comes first", () => {
    expect(shown(candidates(entries, arm, false))).toEqual([
      "linux/arm64/v8",
      "linux/arm/v7",
      "linux/arm/v6",
      undefined
    ])
  })
  it("who asks for an architecture gets no other", () => {
    expect(shown(candidates(entries, arm, true))).toEqual(["linux/arm64/v8", undefined])
  })
})
