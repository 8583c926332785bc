/**
 * Pulls of what a containerd's own clients know, and what the suite cannot ask of every engine: some do not take it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Redacted, References, Stream } from "effect"
import { Container, Image } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import { spawnSync } from "node:child_process"
import { randomUUID } from "node:crypto"
import { dirname, join } from "node:path"
import { archive, makeImage, push } from "../../../../scripts/engines/image.ts"
import { versions } from "../engine.ts"
import { compressed, guarded, pushNested } from "./published.ts"

const given = (name: string): string =>
  process.env[`EFFECT_CONTAINERS_TEST_${name.toUpperCase().replaceAll("-", "_")}`] ?? ""

const user = { username: "user", password: Redacted.make("secret") }

const configOf = (name: string, hosts: ReadonlyArray<string>) => ({
  network: "none" as const,
  address: given(name).replace(/^unix:\/\//, ""),
  namespace: given(`${name}-namespace`),
  folder: given(`${name}-folder`),
  registries: { hosts: Object.fromEntries(hosts.map((host) => [host, { plainHttp: true }])) }
})

const fresh = (layers?: Readonly<Record<string, string>>) =>
  Effect.promise(() =>
    makeImage({
      created: new Date().toISOString(),
      layers: [{ "mark": randomUUID() }, ...layers === undefined ? [] : [layers]]
    })
  )

const removed = (name: string) => Effect.addFinalizer(() => Effect.ignore(Image.remove(name, { force: true })))

const pull = (name: string, credentials?: typeof user) =>
  Stream.runDrain(Image.pull(name, credentials === undefined ? {} : { credentials }))

const runs = (name: string) =>
  Container.string(Container.make(name).pipe(Container.pull("never"), Container.command("echo it runs")))

/** What is logged, and who pulled by it. */
const logged = () => {
  const messages: Array<string> = []
  const layer = Logger.layer([Logger.make(({ message }) => void messages.push(String(message)))])
  return { messages, layer, byEngine: () => messages.some((message) => message.includes("has pulled")) }
}

for (const name of versions) {
  const repository = () => `pull-${randomUUID()}`
  const isTransfer = name === "containerd21"

  describe(`pulls of ${name}`, () => {
    it.live("layers that zstd compressed", () =>
      Effect.gen(function*() {
        const registry = given("registry")
        const path = repository()
        const image = compressed(yield* fresh({ hello: "from zstd" }))
        yield* Effect.promise(() => push(image, registry, `${path}:1`))
        const full = `${registry}/${path}:1`
        yield* Effect.gen(function*() {
          yield* removed(full)
          yield* pull(full)
          assert.strictEqual(
            yield* Container.string(
              Container.make(full).pipe(Container.pull("never"), Container.command("cat /hello"))
            ),
            "from zstd"
          )
          // And from an archive, and pushed again.
          const bytes = Buffer.concat(yield* Stream.runCollect(Image.toArchive([full])))
          yield* Image.remove(full, { force: true })
          yield* Image.fromArchive(Stream.make(bytes))
          assert.strictEqual(yield* runs(full), "it runs\n")
        }).pipe(Effect.scoped, Effect.provide(Containerd.layer(configOf(name, [registry]))))
      }), 120_000)

    it.live("an index in an index", () =>
      Effect.gen(function*() {
        const registry = given("registry")
        const [path, other] = [repository(), repository()]
        const image = yield* fresh()
        yield* Effect.promise(() => pushNested(image, registry, path, "1"))
        const [full, copy] = [`${registry}/${path}:1`, `${registry}/${other}:1`]
        yield* Effect.gen(function*() {
          yield* removed(full)
          yield* removed(copy)
          yield* pull(full)
          assert.strictEqual(yield* runs(full), "it runs\n")
          const { id } = yield* Image.inspect(full)
          assert.strictEqual((yield* Effect.flip(pull(full.replace(path, `${path}-none`))))._tag, "ClientPull")
          // All that it was is still there after a collection of what nothing names.
          const bytes = Buffer.concat(yield* Stream.runCollect(Image.toArchive([full])))
          yield* Image.remove(full, { force: true })
          yield* Image.fromArchive(Stream.make(bytes))
          assert.strictEqual((yield* Image.inspect(full)).id, id)
          assert.strictEqual(yield* runs(full), "it runs\n")
          yield* Image.tag(full, copy)
          yield* Stream.runDrain(Image.push(copy))
          yield* Image.remove(copy)
          yield* pull(copy)
          assert.strictEqual(yield* runs(copy), "it runs\n")
        }).pipe(Effect.scoped, Effect.provide(Containerd.layer(configOf(name, [registry]))))
      }), 120_000)

    it.live("a registry that wants a password", () =>
      Effect.gen(function*() {
        const registry = given("registry-auth")
        const path = repository()
        const image = yield* fresh()
        yield* Effect.promise(() => push(image, registry, `${path}:1`, { username: "user", password: "secret" }))
        const full = `${registry}/${path}:1`
        const { byEngine, layer, messages } = logged()
        yield* Effect.gen(function*() {
          yield* removed(full)
          const wrong = yield* Effect.flip(pull(full, { ...user, password: Redacted.make("wrong") }))
          assert.strictEqual("reason" in wrong && wrong.reason._tag, "Unauthenticated")
          yield* pull(full, user)
          assert.strictEqual(byEngine(), isTransfer, messages.join("\n"))
          assert.strictEqual(yield* runs(full), "it runs\n")
          assert.notInclude(messages.join("\n"), "secret")
        }).pipe(
          Effect.scoped,
          Effect.provide(Layer.mergeAll(Containerd.layer(configOf(name, [registry])), layer)),
          Effect.provideService(References.MinimumLogLevel, "Debug")
        )
      }), 120_000)

    it.live("a registry that wants a token", () =>
      Effect.gen(function*() {
        const registry = given("registry")
        const path = repository()
        const image = yield* fresh()
        yield* Effect.promise(() => push(image, registry, `${path}:1`))
        const behind = yield* Effect.acquireRelease(
          Effect.promise(() => guarded(registry, { username: "user", password: "secret" })),
          ({ close }) => Effect.promise(close)
        )
        const full = `${behind.address}/${path}:1`
        const { byEngine, layer, messages } = logged()
        yield* Effect.gen(function*() {
          yield* removed(full)
          const wrong = yield* Effect.flip(pull(full, { ...user, password: Redacted.make("wrong") }))
          assert.strictEqual("reason" in wrong && wrong.reason._tag, "Unauthenticated")
          yield* pull(full, user)
          assert.strictEqual(byEngine(), isTransfer, messages.join("\n"))
          assert.strictEqual(behind.agents.some((agent) => agent.startsWith("containerd/")), isTransfer)
          assert.strictEqual(yield* runs(full), "it runs\n")
        }).pipe(
          Effect.scoped,
          Effect.provide(Layer.mergeAll(Containerd.layer(configOf(name, [behind.address])), layer)),
          Effect.provideService(References.MinimumLogLevel, "Debug")
        )
      }).pipe(Effect.scoped), 120_000)
  })

  describe(`what ${name} keeps where nobody else looks`, () => {
    it.live("an image's users are found in its layers", () =>
      Effect.gen(function*() {
        const config = configOf(name, [])
        const image = yield* fresh()
        const full = `hidden-${randomUUID()}:1`
        yield* Effect.gen(function*() {
          yield* removed(full)
          yield* Image.fromArchive(Stream.make(archive(image, [full])))
          const here = (file: string) => join(import.meta.dirname, "..", file)
          const { status, stderr, stdout } = yield* Effect.sync(() =>
            spawnSync("unshare", [
              "--mount",
              "sh",
              "-c",
              "mount -t tmpfs tmpfs \"$1\" && shift && exec \"$@\"",
              "sh",
              join(dirname(config.address), "root"),
              process.execPath,
              "--import",
              here("daemon/sources.ts"),
              here("images/user.ts"),
              JSON.stringify(config),
              full
            ], { encoding: "utf8", timeout: 100_000 })
          )
          assert.deepStrictEqual({ status, stdout, stderr: status === 0 ? "" : stderr }, {
            status: 0,
            stdout: "uid=1000(app) gid=1000(app)\n",
            stderr: ""
          })
        }).pipe(Effect.scoped, Effect.provide(Containerd.layer(config)))
      }), 120_000)
  })
}
