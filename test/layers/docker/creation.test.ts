import { assert, describe, it } from "@effect/vitest"
import { Backend, Container } from "effect-containers"
import type { ContainerConfig, Errors } from "effect-containers"
import * as Docker from "effect-containers/layers/Docker"
import { creation } from "effect-containers/layers/docker/creation"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { json, pong, serve } from "./fake.ts"

/** What the API is sent for a description. */
const sent = Effect.fnUntraced(function*(container: Container.Container, network?: string) {
  const created: Array<ContainerConfig.ContainerConfig> = []
  yield* Effect.scoped(Container.create(container)).pipe(
    Effect.provide(Backend.layer({
      name: "recording",
      create: (config) => Effect.sync(() => `id-${created.push(config)}`),
      remove: () => Effect.void
    }))
  )
  return JSON.parse(JSON.stringify(creation(created[0]!, { isPodman: false, network }))) as {
    readonly Healthcheck?: unknown
    readonly HostConfig: Readonly<Record<string, unknown>>
  }
})

const nobody = ConfigProvider.layer(ConfigProvider.fromUnknown({ HOME: "/nonexistent" }))
const engine = (host: string) =>
  Layer.provide(Docker.layer({ host, healthTimeout: 60_000, connectTimeout: 60_000 }), nobody)

const base = Container.make("busybox")

describe("what a creation asks of Docker's API", () => {
  it.effect("nothing that was not said", () =>
    Effect.gen(function*() {
      const { Healthcheck, HostConfig } = yield* sent(base)
      assert.strictEqual(Healthcheck, undefined)
      for (
        const name of ["DeviceRequests", "SecurityOpt", "Runtime", "RestartPolicy", "LogConfig", "Ulimits", "Sysctls"]
      ) assert.notProperty(HostConfig, name)
    }))

  it.effect("the Layer's network, of those that ask for none", () =>
    Effect.gen(function*() {
      const mode = Effect.fnUntraced(function*(container: Container.Container, network?: string) {
        return (yield* sent(container, network)).HostConfig["NetworkMode"]
      })
      assert.strictEqual(yield* mode(base), undefined)
      assert.strictEqual(yield* mode(base, "none"), "none")
      assert.strictEqual(yield* mode(Container.network(base, "host"), "none"), "host")
      // A published port that nobody reaches would be none.
      assert.strictEqual(yield* mode(Container.port(base, 80), "none"), undefined)
    }))

  it.effect("GPUs: all, so many, those of these ids", () =>
    Effect.gen(function*() {
      const requests = Effect.fnUntraced(function*(gpus: "all" | number | ReadonlyArray<string>) {
        return (yield* sent(Container.gpus(base, gpus))).HostConfig["DeviceRequests"]
      })
      const Capabilities = [["gpu"]]
      assert.deepStrictEqual(yield* requests("all"), [{ Count: -1, Capabilities }])
      assert.deepStrictEqual(yield* requests(2), [{ Count: 2, Capabilities }])
      assert.deepStrictEqual(yield* requests(["0", "GPU-1"]), [{ DeviceIDs: ["0", "GPU-1"], Capabilities }])
    }))

  it.effect("security options, each beside the others", () =>
    Effect.gen(function*() {
      const { HostConfig } = yield* sent(base.pipe(
        Container.noNewPrivileges(true),
        Container.seccomp({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [] }),
        Container.apparmor("mine"),
        Container.selinux("type:container_t", "level:s0"),
        Container.runtime("runsc")
      ))
      assert.deepStrictEqual(HostConfig["SecurityOpt"], [
        "no-new-privileges",
        `seccomp={"defaultAction":"SCMP_ACT_ALLOW","syscalls":[]}`,
        "apparmor=mine",
        "label=type:container_t",
        "label=level:s0"
      ])
      assert.strictEqual(HostConfig["Runtime"], "runsc")
    }))

  it.effect("a health check's times, in nanoseconds, and its defaults", () =>
    Effect.gen(function*() {
      const check = Container.healthcheck(base, "true", { interval: "1.5 seconds", startPeriod: "1 minute" })
      assert.deepStrictEqual((yield* sent(check)).Healthcheck, {
        Test: ["CMD", "/bin/sh", "-c", "true"],
        Interval: 1_500_000_000,
        Timeout: 30_000_000_000,
        StartPeriod: 60_000_000_000,
        StartInterval: 1_500_000_000,
        Retries: 3
      })
    }))
})

describe("what the engine's host has to have", { timeout: 60_000 }, () => {
  const creating = Effect.fnUntraced(function*(
    option: (self: Container.Container) => Container.Container,
    security: ReadonlyArray<string>
  ) {
    const fake = yield* serve((request, response, path) => {
      request.resume()
      if (path === "/info") return json(response, 200, { SecurityOptions: security, CgroupDriver: "cgroupfs" })
      if (path.startsWith("/containers/create")) return json(response, 201, { Id: "a", Warnings: null })
      response.writeHead(204).end()
    })
    const exit = yield* Effect.scoped(Container.create(option(base))).pipe(
      Effect.provide(engine(fake.host)),
      Effect.result
    )
    const requests = fake.requests.map((request) => request.replace(/\?.*/, ""))
    return {
      refused: exit._tag === "Failure" && exit.failure._tag === "ContainerCreate" ? exit.failure.reason : undefined,
      creations: requests.filter((request) => request === "POST /containers/create").length,
      questions: requests.filter((request) => request === "GET /info").length
    }
  })

  it.live("a profile of AppArmor, or a label of SELinux, is not dropped", () =>
    Effect.gen(function*() {
      for (const option of [Container.apparmor("mine"), Container.selinux("type:x")]) {
        const without = yield* creating(option, ["name=seccomp,profile=builtin"])
        assert.deepStrictEqual([without.refused?._tag, without.creations], ["Unsupported", 0])
        const having = yield* creating(option, ["name=seccomp,profile=builtin", "name=apparmor", "name=selinux"])
        assert.deepStrictEqual([having.refused, having.creations], [undefined, 1])
      }
    }))

  it.live("is not asked for when it is not needed", () =>
    Effect.gen(function*() {
      for (const option of [Container.apparmor("unconfined"), Container.selinux("disable"), Container.init(true)]) {
        assert.deepStrictEqual(yield* creating(option, []), { refused: undefined, creations: 1, questions: 0 })
      }
    }))

  describe("of Podman's", () => {
    const backend = Effect.fnUntraced(function*(info: object, version = "5.4.2") {
      const fake = yield* serve(
        (_, response, path) => json(response, 200, path === "/version" ? { Version: version } : info),
        { onPing: (_, response) => pong(response, "1.41", `Libpod/${version} (linux)`) }
      )
      return yield* Effect.provide(Backend.Backend, engine(fake.host))
    })

    it.live("health checks are made by systemd", () =>
      Effect.gen(function*() {
        const { capabilities: { gpus, healthcheck, runtime, seccomp } } = yield* backend({ CgroupDriver: "cgroupfs" })
        assert.deepStrictEqual([gpus, healthcheck, runtime, seccomp], [false, false, false, false])
        assert.strictEqual((yield* backend({ CgroupDriver: "systemd" })).capabilities.healthcheck, true)
        assert.strictEqual((yield* backend({})).capabilities.healthcheck, false)
      }))

    it.live("limits, pauses and counts are control groups'", () =>
      Effect.gen(function*() {
        const can = Effect.fnUntraced(function*(CgroupVersion: string, ...SecurityOptions: ReadonlyArray<string>) {
          const { capabilities: { cpuLimit, memoryLimit, pidsLimit }, pause, usage } = yield* backend({
            CgroupVersion,
            SecurityOptions
          })
          const isAsked = (operation: Effect.Effect<unknown, { readonly reason: Errors.Reason }>) =>
            Effect.match(operation, {
              onSuccess: () => true,
              onFailure: ({ reason }) => reason._tag !== "Unsupported"
            })
          return [cpuLimit, memoryLimit, pidsLimit, yield* isAsked(pause("a")), yield* isAsked(usage("a"))]
        })
        const rootless = ["name=seccomp,profile=default", "name=rootless"]
        assert.deepStrictEqual(yield* can("1", ...rootless), [false, false, false, false, false])
        assert.deepStrictEqual(yield* can("2", ...rootless), [true, true, true, true, true])
        assert.deepStrictEqual(yield* can("1"), [true, true, true, true, true])
      }))

    it.live("platforms are told apart from 5 on", () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* backend({}, "4.3.1")).capabilities.platforms, false)
        assert.strictEqual((yield* backend({}, "5.4.2")).capabilities.platforms, true)
      }))
  })
})
