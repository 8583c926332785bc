/**
 * No secret is in anything that a program shows: errors, logs, spans, command lines and environments.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, Redacted, References, Schema, Tracer } from "effect"
import { Errors, Image } from "effect-containers"
import { randomBytes } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { inspect } from "node:util"
import { push as publish } from "../../scripts/engines/image.ts"
import { configuration } from "../layers/registry/configured.ts"
import { engine, engines, fresh, given, pull, push, removed, repository } from "./engines.ts"
import { type Login, proxy } from "./proxy.ts"

const secretOf = (what: string) => `${what}-${randomBytes(12).toString("hex")}`

/** In each way in which it goes over a wire. */
const waysOf = ({ password, token, username }: Login): ReadonlyArray<string> => {
  const pair = Buffer.from(`${username}:${password}`)
  // In the middle of base64 it looks in one of three ways.
  const middles = [0, 1, 2].map((shift) =>
    Buffer.from(`${" ".repeat(shift)}${password}`).toString("base64").slice(4, -4)
  )
  return [password, pair.toString("base64"), ...middles, ...token === undefined ? [] : [token]]
}

/** What every process was started with. */
const processes = (): string =>
  readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map((pid) => {
    const read = (file: string) => {
      try {
        return readFileSync(`/proc/${pid}/${file}`, "utf8")
      } catch {
        return ""
      }
    }
    return `${read("cmdline")}\n${read("environ")}`
  }).join("\n")

/** All that can be seen of a program that runs under it. */
const watched = () => {
  const seen: Array<string> = []
  let spans = 0
  const see = (...values: ReadonlyArray<unknown>) => {
    for (const value of values) {
      seen.push(typeof value === "string" ? value : inspect(value, { depth: 12, getters: true, showHidden: true }))
    }
  }
  const logger = Logger.layer([
    Logger.make(({ cause, fiber, message }) => see(message, cause, fiber.getRef(References.CurrentLogAnnotations))),
    Logger.map(Logger.formatJson, (line) => see(line))
  ])
  const tracer = Tracer.make({
    span: (options) => {
      spans++
      const span = new Tracer.NativeSpan(options)
      const { attribute, end, event } = span
      span.attribute = (key, value) => (see(key, value), attribute.call(span, key, value))
      span.event = (name, start, attributes) => (see(name, attributes), event.call(span, name, start, attributes))
      span.end = (time, exit) => (see(span.name, [...span.attributes], exit), end.call(span, time, exit))
      return span
    }
  })
  const layer = Layer.mergeAll(
    logger,
    Layer.succeed(Tracer.Tracer, tracer),
    Layer.succeed(References.MinimumLogLevel, "All")
  )
  return { seen, see, layer, spans: () => spans }
}

const encodePull = Schema.encodeUnknownSync(Schema.Union([Errors.ClientPull, Errors.ImagePush, Errors.ImagePull]))

for (const name of engines) {
  for (const token of [undefined, secretOf("token")]) {
    describe(`${name}, a secret for ${token === undefined ? "a registry" : "a token"}`, () => {
      it.live("is in nothing that a program shows", () =>
        Effect.gen(function*() {
          const login: Login = { username: "user", password: secretOf("password"), token }
          const wrong = secretOf("wrong")
          const path = repository()
          const image = yield* fresh()
          yield* Effect.promise(() => publish(image, given("registry"), `${path}:1`))
          const { address, requests } = yield* proxy({ login })
          const full = `${address}/${path}:1`
          // Slow enough to be seen among the processes.
          const answer = `{"Username":"user","Secret":"${login.password}"}`
          const folder = yield* configuration(
            { credsStore: "efcone" },
            { efcone: `sleep 0.2\ncat <<E\n${answer}\nE` }
          )
          const { layer, see, seen, spans } = watched()
          let looks = 0
          const looking = yield* Effect.forkChild(
            Effect.forever(Effect.andThen(Effect.sync(() => (looks++, see(processes()))), Effect.sleep("20 millis")))
          )
          const failing = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
            Effect.map(Effect.flip(effect), (error) => {
              see(String(error), error, JSON.stringify(error), JSON.stringify(encodePull(error)))
              if (error instanceof Error) see(error.stack)
            })
          yield* Effect.gen(function*() {
            yield* removed(full)
            yield* pull(full)
            yield* push(full)
            yield* failing(pull(`${full}-none`))
            yield* failing(pull(full, { credentials: { username: "user", password: Redacted.make(wrong) } }))
            yield* failing(push(full, { credentials: { username: "user", password: Redacted.make(wrong) } }))
            yield* failing(Image.resolve(`${address}/${repository()}:1`))
          }).pipe(
            Effect.scoped,
            Effect.provide(
              Layer.provideMerge(engine(name, { folder, hosts: { [address]: { plainHttp: true } } }), layer)
            )
          )
          yield* Fiber.interrupt(looking)

          // It was asked with all of these, and something was seen.
          const asked = requests.map(({ headers }) => headers.authorization ?? "")
          assert.isTrue(asked.some((header) => header === `Bearer ${token}` || token === undefined))
          assert.isTrue(asked.some((header) => header.startsWith("Basic ")))
          assert.isAbove(spans(), 4)
          assert.isAbove(looks, 4)
          const all = seen.join("\n")
          assert.include(all, "docker-credential-efcone")
          assert.include(all, "Unauthenticated")
          for (const secret of [...waysOf(login), ...waysOf({ ...login, password: wrong })]) {
            const at = all.indexOf(secret)
            assert.strictEqual(at, -1, all.slice(Math.max(0, at - 300), at + 300))
          }
        }))
    })
  }
}
