import { assert, describe, it } from "@effect/vitest"
import { Effect, Runtime, Schema } from "effect"
import { Errors, Output } from "effect-containers"

const reason = new Errors.Unavailable({
  operation: "pull",
  message: "connection refused",
  hint: "is the registry running?",
  code: "ECONNREFUSED",
  cause: new Error("connect ECONNREFUSED")
})

/** One of each, as a program would meet it. */
const one: ReadonlyArray<Error & { readonly _tag: string }> = [
  new Errors.ImageOptions({ image: "A", field: "reference", issue: "capitals" }),
  new Errors.ContainerOptions({ image: "a", field: "command", issue: "empty" }),
  new Errors.ClientPull({ image: "a", reason }),
  new Errors.ImagePull({ image: "a", reason }),
  new Errors.ImageBuildDockerfile({
    image: "a",
    reason,
    step: { number: 1, total: 2, instruction: "RUN x" },
    log: "l"
  }),
  new Errors.ImageBuild({
    image: "a",
    reason,
    cause: new Errors.ImageBuildDockerfile({ image: "a", reason, log: "" })
  }),
  new Errors.ImagePush({ image: "a", reason }),
  new Errors.ImageInspect({ image: "a", reason }),
  new Errors.ImageTag({ image: "a", reason }),
  new Errors.ImageRemove({ image: "a", reason }),
  new Errors.ImageExport({ image: "a", reason }),
  new Errors.ImageImport({ engine: "docker", reason }),
  new Errors.ImageList({ engine: "docker", reason }),
  new Errors.ContainerList({ engine: "docker", reason }),
  new Errors.EngineHealth({ engine: "docker", reason }),
  new Errors.EngineEvents({ engine: "docker", reason }),
  new Errors.BackendNotAvailable({ candidates: [{ engine: "docker", address: "unix:///x", reason }] }),
  new Errors.ContainerCreate({ id: "", image: "a", reason }),
  new Errors.ContainerStart({ id: "0123456789abcdef", image: "a", reason }),
  new Errors.ContainerWait({ id: "0123456789abcdef", image: "a", reason }),
  new Errors.ContainerInspect({ id: "0123456789abcdef", image: "", reason }),
  new Errors.ContainerLogs({ id: "0123456789abcdef", image: "a", reason }),
  new Errors.ContainerAttach({ id: "0123456789abcdef", image: "a", reason }),
  new Errors.ContainerSignal({ id: "0123456789abcdef", image: "a", reason }),
  new Errors.ContainerPause({ id: "0123456789abcdef", image: "a", reason }),
  new Errors.ContainerStats({ id: "0123456789abcdef", image: "a", reason }),
  new Errors.ContainerStop({ id: "0123456789abcdef", image: "a", reason }),
  new Errors.ContainerRemove({ id: "0123456789abcdef", image: "a", reason }),
  new Errors.ContainerExec({ id: "0123456789abcdef", image: "a", reason }),
  new Errors.ContainerOutput({ id: "0123456789abcdef", image: "a", reason, line: 2 }),
  new Errors.ContainerReady({
    id: "0123456789abcdef",
    image: "a",
    reason,
    conditions: [{ condition: "port 5432", holds: false, saw: "connection refused" }],
    state: "running",
    lastLines: "starting\n"
  }),
  new Errors.NetworkOptions({ network: "a b", field: "name", issue: "a blank" }),
  new Errors.NetworkCreate({ network: "n", reason }),
  new Errors.NetworkInspect({ network: "n", reason }),
  new Errors.NetworkRemove({ network: "n", reason }),
  new Errors.NetworkList({ engine: "docker", reason }),
  new Errors.VolumeOptions({ volume: "a b", field: "name", issue: "a blank" }),
  new Errors.VolumeCreate({ volume: "v", reason }),
  new Errors.VolumeInspect({ volume: "v", reason }),
  new Errors.VolumeRemove({ volume: "v", reason }),
  new Errors.VolumeList({ engine: "docker", reason }),
  new Errors.ContainerCopy({ id: "0123456789abcdef", image: "a", reason }),
  new Errors.ExitCode({
    id: "0123456789abcdef",
    image: "a",
    code: 3,
    oomKilled: false,
    timedOut: false,
    logs: Output.fromText("out\n", "err\n")
  })
]

const classes = { ...Errors } as unknown as Record<string, typeof Errors.ImagePull>

describe("Errors", () => {
  it("the list above has every error that the module exports", () => {
    const errors = Object.entries(Errors).filter(([, value]) =>
      typeof value === "function" && "fields" in value && !("operation" in (value.fields as object))
    )
    assert.deepStrictEqual(one.map((error) => error._tag).sort(), errors.map(([name]) => name).sort())
  })

  for (const error of one) {
    it(`${error._tag} survives JSON and says what, why and what to do`, () => {
      const codec = Schema.toCodecJson(classes[error._tag]!)
      const json = JSON.parse(JSON.stringify(Schema.encodeUnknownSync(codec)(error)))
      const decoded = Schema.decodeUnknownSync(codec)(json)
      assert.strictEqual(decoded._tag as string, error._tag)
      assert.strictEqual(decoded.message, error.message)
      if ("reason" in error) assert.include(error.message, "connection refused (is the registry running?)")
    })
  }

  it("an error is as worth a retry as its reason", () => {
    assert.isTrue(new Errors.ContainerStart({ id: "a", image: "b", reason }).isRetryable)
    const missing = new Errors.NotFound({ operation: "pull", message: "no such tag" })
    assert.isFalse(new Errors.ImagePull({ image: "a", reason: missing }).isRetryable)
  })

  it.effect("a program catches by operation and reason, knowing no engine", () =>
    Effect.gen(function*() {
      const failing: Effect.Effect<string, Errors.ImagePull | Errors.ExitCode> = Effect.fail(
        new Errors.ImagePull({ image: "a", reason })
      )
      const caught = yield* Effect.catchReason(
        failing,
        "ImagePull",
        "Unavailable",
        (why) => Effect.succeed(why.message)
      )
      assert.strictEqual(caught, "connection refused")
    }))

  it("runMain ends the program with the container's code", () => {
    const error = one.at(-1) as Errors.ExitCode
    assert.strictEqual(error[Runtime.errorExitCode], 3)
    assert.include(error.message, "exit-code 3")
    assert.include(error.message, "out\nerr")
  })
})
