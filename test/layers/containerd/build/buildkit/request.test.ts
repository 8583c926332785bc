import { assert, describe, it } from "@effect/vitest"
import type { BuildOptions } from "effect-containers/Backend"
import type { Base } from "effect-containers/layers/containerd/build/builder"
import { fromCall } from "effect-containers/layers/containerd/build/buildkit/failure"
import { candidates } from "effect-containers/layers/containerd/build/buildkit/find"
import * as Request from "effect-containers/layers/containerd/build/buildkit/request"
import * as Dockerfile from "effect-containers/layers/containerd/build/dockerfile"
import * as Environment from "effect-containers/layers/containerd/environment"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

const hex = "ab".repeat(32)

const base = (name: string): Base => ({
  name,
  image: {
    name,
    digest: `sha256:${hex}`,
    target: { digest: `sha256:${hex}`, mediaType: "", size: 1, annotations: {} },
    manifest: { config: { digest: "sha256:c", size: 1 }, layers: [] },
    config: { rootfs: { diffIds: [] } },
    chain: []
  }
})

const parse = (text: string) =>
  Dockerfile.parse(text, { args: {}, variables: {}, target: undefined, platform: undefined })

const where = `oci-layout://containerd@sha256:${hex}`

const options: BuildOptions = {
  tag: "a:1",
  dockerfile: "Dockerfile",
  buildArgs: {},
  labels: {},
  noCache: false,
  pull: false
}

describe("a request", () => {
  it.effect("has base images under names that no stage has", () =>
    Effect.gen(function*() {
      const dockerfile = parse("FROM busybox AS busybox\nRUN x\n")
      const { attributes, names } = yield* Request.contextsOf([base("busybox")], dockerfile)
      const ours = `localhost/effect-containers/base:${hex}`
      assert.deepStrictEqual(attributes, { [`context:${ours}`]: where })
      assert.strictEqual(Dockerfile.renamed(dockerfile, names), `FROM ${ours} AS busybox\nRUN x\n`)
    }))
  it.effect("has those that files are taken from as BuildKit asks for them", () =>
    Effect.gen(function*() {
      for (
        const [name, key] of [
          ["busybox", "busybox"],
          ["docker.io/library/busybox:latest", "busybox"],
          ["busybox:test", "busybox:test"],
          ["registry.test:5000/a", "registry.test:5000/a"],
          [`busybox@sha256:${hex}`, `busybox@sha256:${hex}`]
        ] as const
      ) {
        const { attributes, names } = yield* Request.contextsOf(
          [base(name)],
          parse(`FROM scratch\nCOPY --from=${name} /a /b\n`)
        )
        assert.deepStrictEqual(attributes, { [`context:${key}`]: where })
        assert.strictEqual(names.size, 0)
      }
      const clash = parse("FROM scratch\nCOPY --from=tools /a /b\nFROM scratch AS tools\n")
      const error = yield* Effect.flip(Request.contextsOf([base("tools")], clash))
      assert.strictEqual(error._tag, "Unsupported")
    }))
  it("says all that was asked for", () => {
    assert.deepStrictEqual(
      Request.attributesOf({
        ...options,
        buildArgs: { A: "1", B: Redacted.make("hush") },
        labels: { l: "v" },
        target: "t",
        platform: "linux/arm64",
        noCache: true,
        pull: true
      }, { "context:x": "y" }),
      {
        "build-arg:A": "1",
        "build-arg:B": "hush",
        "label:l": "v",
        "context:x": "y",
        filename: "Dockerfile",
        target: "t",
        platform: "linux/arm64",
        "no-cache": "",
        "image-resolve-mode": "pull"
      }
    )
    assert.deepStrictEqual(Request.attributesOf(options, {}), { filename: "Dockerfile" })
  })
  it("leaves no secret in a sentence", () => {
    const word = Request.without({ A: Redacted.make("hush"), B: "plain", C: Redacted.make("") })
    assert.strictEqual(word("\"/hush\": plain not found"), "\"/<redacted>\": plain not found")
  })
})

describe("a failure", () => {
  const of = (details: string, code = 2) => {
    const { _tag, code: own, message } = fromCall("build", { code, details })
    return [_tag, own, message]
  }
  it("of a step has its exit code", () => {
    const text = "process \"/bin/sh -c exit 7\" did not complete successfully: exit code: 7"
    assert.deepStrictEqual(of(`failed to solve: ${text}`), ["Internal", 7, text])
    // What the command says is not what BuildKit says.
    assert.strictEqual(
      of("process \"cat 'no such file or directory'\" did not complete successfully: exit code: 1")[0],
      "Internal"
    )
  })
  it("is told by its words", () => {
    for (
      const [details, tag] of [
        ["dockerfile parse error on line 2: unknown instruction: X", "InvalidArgument"],
        ["failed to compute cache key: failed to calculate checksum of ref a::b: \"/x\": not found", "NotFound"],
        ["write /x: no space left on device", "ResourceExhausted"],
        ["target stage \"x\" could not be found", "InvalidArgument"],
        ["granting entitlement network.host is not allowed by build daemon configuration", "PermissionDenied"],
        ["failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized", "Unauthenticated"],
        ["exporter \"oci\" could not be found", "Unsupported"],
        ["something else", "Internal"]
      ] as const
    ) assert.strictEqual(of(details)[0], tag, details)
  })
  it("of the connection is that it is gone, whatever it says", () => {
    assert.strictEqual(of("not found", 14)[0], "Unavailable")
    assert.strictEqual(of("context canceled", 1)[0], "Unavailable")
  })
})

describe("a BuildKit", () => {
  it.effect("is looked for as nerdctl does", () =>
    Effect.gen(function*() {
      const environment = {
        ...yield* Effect.orDie(Environment.read),
        BUILDKIT_HOST: undefined,
        XDG_RUNTIME_DIR: "/run/user/7"
      }
      const paths = (...rest: [Parameters<typeof candidates>[0], string | undefined, boolean]) => {
        const [config, BUILDKIT_HOST, isRoot] = rest
        return candidates(config, { ...environment, BUILDKIT_HOST }, "mine", isRoot)
          .map(({ isChosen, path }) => `${path}${isChosen ? " chosen" : ""}`)
      }
      assert.deepStrictEqual(paths({}, undefined, true), [
        "/run/buildkit-mine/buildkitd.sock",
        "/run/buildkit-default/buildkitd.sock",
        "/run/buildkit/buildkitd.sock"
      ])
      assert.strictEqual(paths({}, undefined, false)[0], "/run/user/7/buildkit-mine/buildkitd.sock")
      assert.deepStrictEqual(paths({}, "unix:///b.sock", true), ["/b.sock chosen"])
      assert.deepStrictEqual(paths({ buildkit: "/a.sock" }, "unix:///b.sock", true), ["/a.sock chosen"])
    }))
})
