import { assert, describe, it } from "@effect/vitest"
import { Backend, Container, type ContainerConfig } from "effect-containers"
import { given } from "effect-containers/layers/containerd/spec/privileged"
import * as Effect from "effect/Effect"

/** What an engine is asked to create. */
const asked = (self: Container.Container) =>
  Effect.gen(function*() {
    const configs: Array<ContainerConfig.ContainerConfig> = []
    yield* Effect.scoped(Container.create(self)).pipe(
      Effect.provide(Backend.layer({
        name: "recording",
        create: (config) => Effect.sync(() => `id-${configs.push(config)}`),
        remove: () => Effect.void
      }))
    )
    return configs[0]!
  })

const zero = Container.make("busybox").pipe(Container.device("/dev/zero", { target: "/dev/mine" }))

describe("devices of the host", () => {
  it.live("are made anew by root", () =>
    Effect.gen(function*() {
      const { bound, devices } = yield* given(yield* asked(zero), { rootless: false })
      assert.deepStrictEqual(bound, [])
      assert.deepStrictEqual(devices.map(({ major, minor, path }) => [path, major, minor]), [["/dev/mine", 1, 5]])
    }))

  it.live("are shown by who is not root", () =>
    Effect.gen(function*() {
      const { bound, devices } = yield* given(yield* asked(zero), { rootless: true })
      assert.deepStrictEqual(bound, [
        { destination: "/dev/mine", type: "bind", source: "/dev/zero", options: ["bind"] }
      ])
      assert.deepStrictEqual(devices, [])
    }))

  it.live("have the host's rights there: others are refused", () =>
    Effect.gen(function*() {
      const readOnly = Container.make("busybox").pipe(Container.device("/dev/zero", { access: "r" }))
      const error = yield* Effect.flip(given(yield* asked(readOnly), { rootless: true }))
      assert.strictEqual(error._tag, "Unsupported")
      assert.include(error.message, "/dev/zero")
    }))

  it.live("that are none are refused", () =>
    Effect.gen(function*() {
      const none = Container.make("busybox").pipe(Container.device("/etc/passwd"))
      const error = yield* Effect.flip(given(yield* asked(none), { rootless: true }))
      assert.strictEqual(error._tag, "InvalidArgument")
    }))
})
