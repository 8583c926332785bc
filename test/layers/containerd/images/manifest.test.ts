import { Reference } from "effect-containers"
import * as Manifest from "effect-containers/layers/containerd/images/manifest"
import * as Names from "effect-containers/layers/containerd/images/names"
import { Recent } from "effect-containers/layers/containerd/images/recent"
import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value))
const digest = (digit: string) => `sha256:${digit.repeat(64)}`

describe("documents", () => {
  it("what others add, and Go's nulls, do no harm", () => {
    const config = Result.getOrThrow(Manifest.decodeConfig(bytes({
      architecture: "amd64",
      os: "linux",
      author: "somebody",
      config: { Env: null, Cmd: ["sh"], Entrypoint: null, Labels: null, ArgsEscaped: true, Volumes: { "/x": {} } },
      rootfs: { type: "layers", diff_ids: [digest("a")] },
      history: [{}]
    })))
    expect(config).toEqual({
      architecture: "amd64",
      os: "linux",
      config: { command: ["sh"], volumes: { "/x": {} } },
      rootfs: { diffIds: [digest("a")] }
    })
    expect(Result.getOrThrow(Manifest.decodeManifest(bytes({
      schemaVersion: 2,
      config: { mediaType: "c", digest: digest("b"), size: 1, urls: null },
      layers: null
    })))).toEqual({ config: { mediaType: "c", digest: digest("b"), size: 1 }, layers: [] })
  })
  it("a digest is one", () => {
    const bad = ["", "sha256:", "sha256:../../etc", digest("A"), `${digest("a")}/`, `x${digest("a")}`]
    const accepted = bad.filter((digest) =>
      Result.isSuccess(Manifest.decodeManifest(bytes({ config: { digest, size: 1 }, layers: [] })))
    )
    expect(accepted).toEqual([])
    expect(Result.isFailure(Manifest.decodeIndex(bytes({ manifests: [{ digest: digest("a"), size: -1 }] })))).toBe(true)
    expect(Result.isFailure(Manifest.decodeIndex(Buffer.from("{")))).toBe(true)
  })
  it("the names of snapshots", () => {
    expect(Manifest.chainIds([])).toEqual([])
    // As computed by sha256sum.
    expect(Manifest.chainIds([digest("1"), digest("2")])).toEqual([
      digest("1"),
      "sha256:9932074217c35353d2e03a3f5a86549f7c67bfeb0ba53e23d69f4d4c8f7958f5"
    ])
  })
})

describe("names", () => {
  const reference = (text: string) => Result.getOrThrow(Reference.parseResult(text))
  it("what a pull calls an image", () => {
    expect(Names.canonical(reference("busybox"))).toBe("docker.io/library/busybox:latest")
    expect(Names.canonical(reference(`busybox:1@${digest("a")}`))).toBe(`docker.io/library/busybox@${digest("a")}`)
  })
  it("repositories come and go", () => {
    const one = reference("localhost:5000/a/b:1")
    const two = reference("localhost:5000/c")
    const labels = { other: "x", ...Names.withSource({}, one) }
    expect(labels).toEqual({ other: "x", "containerd.io/distribution.source.localhost:5000": "a/b" })
    expect(Names.withSource(labels, one)).toEqual({})
    const both = { ...labels, ...Names.withSource(labels, two) }
    expect(Names.sources(both)).toEqual(["localhost:5000/a/b", "localhost:5000/c"])
    expect(Names.sourcesAt(both, "localhost:5000")).toEqual(["a/b", "c"])
    expect(Names.sourcesAt(both, "docker.io")).toEqual([])
    expect(Names.withoutSource(both, one)).toEqual({ "containerd.io/distribution.source.localhost:5000": "c" })
    // The empty text takes a label away.
    expect(Names.withoutSource(labels, one)).toEqual({ "containerd.io/distribution.source.localhost:5000": "" })
    expect(Names.withoutSource(labels, two)).toEqual({})
  })
})

it("what was not asked for the longest time is forgotten", () => {
  const recent = new Recent<number>(2)
  recent.set("a", 1)
  recent.set("b", 2)
  recent.get("a")
  recent.set("c", 3)
  expect(["a", "b", "c"].map((key) => recent.get(key))).toEqual([1, undefined, 3])
})
