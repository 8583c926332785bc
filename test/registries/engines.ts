/**
 * The engines under test, each with a client's configuration and trust of a test's own.
 */
import { assert } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Stream } from "effect"
import { type Backend, Container, type Errors, Image } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import * as Docker from "effect-containers/layers/Docker"
import { randomUUID } from "node:crypto"
import { inspect } from "node:util"
import { some } from "../../scripts/engines/chosen.ts"
import { makeImage } from "../../scripts/engines/image.ts"
import { row } from "../../scripts/engines/table.ts"

/** What provisions the engines says in the environment where they are. */
export const given = (name: string): string => {
  const value = process.env[`EFFECT_CONTAINERS_TEST_${name.toUpperCase().replaceAll("-", "_")}`]
  assert.isString(value, `${name} is not there: run this by "vitest run --project engines"`)
  return value ?? ""
}

export const kindOf = (name: string) => row(name)?.kind

/** Those that pull. */
export const engines: ReadonlyArray<string> = some.filter((name) =>
  ["docker", "podman", "containerd"].includes(kindOf(name) ?? "")
)

/** An engine whose client finds its configuration in `folder`. `hosts` is what a containerd's is told of registries. */
export const engine = (
  name: string,
  { folder = "/nonexistent", hosts = {} }: {
    readonly folder?: string
    readonly hosts?: NonNullable<NonNullable<Containerd.ContainerdConfig["registries"]>["hosts"]>
  }
): Layer.Layer<Backend.Backend, Errors.BackendNotAvailable> => {
  const environment = ConfigProvider.layer(
    ConfigProvider.fromUnknown({ DOCKER_CONFIG: folder, HOME: "/nonexistent", PATH: process.env["PATH"] })
  )
  const layer = kindOf(name) === "containerd"
    ? Containerd.layer({
      network: "none",
      address: given(name).replace(/^unix:\/\//, ""),
      namespace: given(`${name}-namespace`),
      folder: given(`${name}-folder`),
      connectTimeout: 60_000,
      registries: { hosts, retries: { delay: 50, maximumDelay: 200 } }
    })
    : Docker.layer({ host: given(name), healthTimeout: 60_000, connectTimeout: 60_000 })
  return Layer.provide(Layer.orDie(layer), environment)
}

/** An image that no engine has seen before. */
export const fresh = (filling = 0) =>
  Effect.promise(() =>
    makeImage({
      created: new Date().toISOString(),
      layers: [{ mark: randomUUID(), ...filling === 0 ? {} : { filling: incompressible(filling) } }]
    })
  )

const incompressible = (size: number): Uint8Array => {
  const bytes = Buffer.alloc(size)
  let state = 12_345
  for (let at = 0; at < size; at++) {
    state = Math.imul(state, 1_103_515_245) + 12_345 >>> 0
    bytes[at] = state >>> 16
  }
  return bytes
}

export const repository = (): string => `registries-${randomUUID()}`

export const pull = (image: string, options?: Parameters<typeof Image.pull>[1]) =>
  Stream.runDrain(Image.pull(image, options))

export const push = (image: string, options?: Parameters<typeof Image.push>[1]) =>
  Stream.runDrain(Image.push(image, options))

export const runs = (image: string) =>
  Container.string(Container.make(image).pipe(Container.pull("never"), Container.command("echo it runs")))

/** With the scope goes what was pulled. */
export const removed = (image: string) => Effect.addFinalizer(() => Effect.ignore(Image.remove(image, { force: true })))

/** The reason's tag and whatever a person reads of the error. */
export const refusal = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => {
    const reason = typeof error === "object" && error !== null && "reason" in error ? error.reason : undefined
    const tag = typeof reason === "object" && reason !== null && "_tag" in reason ? String(reason._tag) : "none"
    return {
      tag,
      message: error instanceof Error ? error.message : String(error),
      shown: inspect(error, { depth: 20 })
    }
  })
