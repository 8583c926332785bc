import { assert, describe, it } from "@effect/vitest"
import { Backend } from "effect-containers"
import * as Auto from "effect-containers/layers/Auto"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { json, serve } from "./docker/fake.ts"

const environment = (variables: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromUnknown(variables))

const nameOf = <E>(layer: Layer.Layer<Backend.Backend, E>, variables: Record<string, string> = {}) =>
  Effect.provide(
    Backend.Backend.use(({ name }) => Effect.succeed(name)),
    Layer.provide(layer, environment({ HOME: "/nonexistent", ...variables }))
  )

const nowhere = "unix:///nonexistent/engine.sock"
const noSocket = "/nonexistent/containerd.sock"

describe("Auto", { timeout: 60_000 }, () => {
  it.live("takes the engine that answers", () =>
    Effect.gen(function*() {
      const { host } = yield* serve(() => {})
      assert.strictEqual(yield* nameOf(Auto.layer(), { DOCKER_HOST: host }), "docker")
      assert.strictEqual(yield* nameOf(Auto.layer({ docker: { host } })), "docker")
      assert.strictEqual(yield* nameOf(Auto.layerConfig(), { DOCKER_HOST: host }), "docker")
      assert.strictEqual(yield* nameOf(Auto.fromConfig({ _tag: "Docker", host })), "docker")
    }))

  it.live("names every candidate when none answers, and never takes the one in memory", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(nameOf(Auto.layer(), { DOCKER_HOST: nowhere, CONTAINERD_ADDRESS: noSocket }))
      assert.strictEqual(error._tag, "BackendNotAvailable")
      assert.deepStrictEqual(error.candidates.map(({ address, engine, reason }) => [engine, address, reason._tag]), [
        ["docker", `${nowhere} (DOCKER_HOST)`, "NotFound"],
        ["containerd", `unix://${noSocket} (CONTAINERD_ADDRESS)`, "NotFound"]
      ])
    }))

  it.live("would start a private engine last, and says what that lacks", () =>
    Effect.gen(function*() {
      const containerd = {
        autoStart: { when: "always", containerd: "/nonexistent/containerd", folder: "/nonexistent" }
      } as const
      const error = yield* Effect.flip(nameOf(Auto.layer({ containerd }), { DOCKER_HOST: nowhere }))
      assert.strictEqual(error._tag, "BackendNotAvailable")
      assert.deepStrictEqual(error.candidates.map(({ address, engine }) => [engine, address]), [
        ["docker", `${nowhere} (DOCKER_HOST)`],
        ["containerd", "a private one, in /nonexistent"]
      ])
      const reason = error.candidates[1]?.reason
      if (process.platform === "linux") {
        assert.strictEqual(reason?._tag, "NotFound")
        assert.include(reason?.message, "/nonexistent/containerd")
        assert.include(reason?.hint, "install containerd and runc")
      } else assert.strictEqual(reason?._tag, "Unsupported")
    }))

  it.live("takes the one that a configuration names, and no other", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* nameOf(Auto.fromConfig({ _tag: "Memory" })), "memory")
      assert.strictEqual(yield* nameOf(Auto.layerConfig(), { CONTAINER_BACKEND: "memory" }), "memory")
      const missing = yield* Effect.flip(
        nameOf(Auto.layerConfig(), { CONTAINER_BACKEND: "docker", DOCKER_HOST: nowhere })
      )
      assert.strictEqual(missing._tag, "BackendNotAvailable")
      const none = yield* Effect.flip(
        nameOf(Auto.layerConfig(), { CONTAINER_BACKEND: "containerd", CONTAINERD_ADDRESS: noSocket })
      )
      assert.strictEqual(none._tag, "BackendNotAvailable")
      const odd = yield* Effect.flip(nameOf(Auto.layerConfig(), { CONTAINER_BACKEND: "dcoker" }))
      assert.strictEqual(odd._tag, "ConfigError")
    }))

  it.live("says which engines there are, and why one is not", () =>
    Effect.gen(function*() {
      const { host } = yield* serve((_, response) =>
        json(response, 200, { Version: "26.1.5", ApiVersion: "1.45", Os: "linux", Arch: "amd64" })
      )
      const look = (variables: Record<string, string>) =>
        Effect.provide(
          Auto.available,
          environment({
            HOME: "/nonexistent",
            CONTAINERD_ADDRESS: noSocket,
            EFFECT_CONTAINERS_FOLDER: "/nonexistent",
            EFFECT_CONTAINERS_CONTAINERD: "/nonexistent/containerd",
            ...variables
          })
        )
      const there = yield* look({ DOCKER_HOST: host })
      assert.deepStrictEqual(there.map(({ address, available, engine }) => [engine, available, address]), [
        ["docker", true, host],
        ["containerd", false, `unix://${noSocket} (CONTAINERD_ADDRESS)`],
        ["containerd", false, "a private one, in /nonexistent"],
        ["memory", true, there[3]?.address]
      ])
      const gone = yield* look({ DOCKER_HOST: nowhere })
      assert.deepStrictEqual(gone.map(({ available, engine, reason }) => [engine, available, reason?._tag]), [
        ["docker", false, "NotFound"],
        ["containerd", false, "NotFound"],
        ["containerd", false, process.platform === "linux" ? "NotFound" : "Unsupported"],
        ["memory", true, undefined]
      ])
    }))

  it("a configuration is a tagged value", () => {
    const decode = Schema.decodeUnknownResult(Auto.BackendConfig)
    assert.strictEqual(decode({ _tag: "Docker", tls: { key: "secret" } })._tag, "Success")
    assert.strictEqual(decode({ _tag: "Dcoker" })._tag, "Failure")
    assert.strictEqual(decode({ _tag: "Docker", connectTimeout: 0 })._tag, "Failure")
  })
})
