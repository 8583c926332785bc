import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { readdirSync, readlinkSync } from "node:fs"
import { Backend } from "../Backend.ts"
import type * as Errors from "../Errors.ts"
import * as Filter from "../Filter.ts"

/**
 * There is more than there was before.
 *
 * @category errors
 * @since 0.1.0
 */
export class Leaked extends Data.TaggedError("Leaked")<{
  /** What there is now and was not before, each in a few words: `container job 4f..`, `open socket:[4711]`. */
  readonly more: ReadonlyArray<string>
}> {
  override get message(): string {
    return `left behind:\n${this.more.map((one) => `- ${one}`).join("\n")}`
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export interface LeakOptions {
  /**
   * Which of the engine's containers count. Default: all. With a filter an engine can be one that others use at the same
   * time; images, networks and volumes then do not count, as nobody can tell whose they are.
   */
  readonly containers?: Filter.Filter | undefined
  /** Milliseconds that an engine and the kernel get to finish what they do in their own time. Default 10000. */
  readonly patience?: number | undefined
}

type Held = ReadonlyArray<string>

/** What is held twice is there twice. */
const moreThan = (before: Held, now: Held): Held => {
  const counts = new Map<string, number>()
  for (const one of before) counts.set(one, (counts.get(one) ?? 0) + 1)
  return now.filter((one) => {
    const count = counts.get(one) ?? 0
    counts.set(one, count - 1)
    return count <= 0
  })
}

const linkOf = (descriptor: string): string => {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`)
  } catch {
    // The folder's own, which is closed again.
    return ""
  }
}

/** Sockets, pipes and files by what the kernel calls them; what the runtime itself keeps open has no such name. */
const descriptors = (): Held => {
  try {
    return readdirSync("/proc/self/fd").map(linkOf)
      .filter((link) => /^(?:socket|pipe):|^\/(?!dev\/|proc\/)/.test(link)).map((link) => `open ${link}`)
  } catch {
    // Only Linux has that folder.
    return []
  }
}

const resources: Readonly<Record<string, string>> = {
  ProcessWrap: "a child process",
  Timeout: "a timer",
  TCPSocketWrap: "a TCP socket",
  TCPServerWrap: "a TCP server",
  PipeWrap: "a pipe or local socket"
}

/** A timer that has just run out counts until all that it has begun is over, which may be this very look. */
const outsideTimers = Effect.callback<void>((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})

const ofProcess = Effect.map(outsideTimers, (): Held => [
  ...descriptors(),
  ...process.getActiveResourcesInfo().flatMap((name) => resources[name] ?? [])
])

type ListError = Errors.ContainerList | Errors.ImageList | Errors.NetworkList | Errors.VolumeList

const ofEngine = Effect.fnUntraced(function*(
  options: LeakOptions
): Effect.fn.Return<Held, ListError, Backend> {
  const backend = yield* Backend
  const { namedVolumes, networks } = backend.capabilities
  const containers = yield* backend.list(options.containers ?? Filter.all)
  const images = options.containers === undefined ? yield* backend.listImages(Filter.all) : []
  const isAll = options.containers === undefined
  return [
    // By name alone: a daemon that was started again gives those of its own other ids.
    ...(networks && isAll ? yield* backend.listNetworks(Filter.all) : []).map(({ name }) => `network ${name}`),
    ...(namedVolumes && isAll ? yield* backend.listVolumes(Filter.all) : []).map(({ name }) => `volume ${name}`),
    ...containers.map(({ id, name }) => `container ${name} ${id}`),
    ...images.flatMap(({ id, references }) => [id, ...references].map((name) => `image ${name}`))
  ]
})

/** Looks until there is no more than before, or no more time. */
const settled = <E, R>(held: Effect.Effect<Held, E, R>, before: Held, options: LeakOptions) =>
  held.pipe(
    Effect.flatMap((now) => {
      const more = moreThan(before, now)
      return more.length === 0 ? Effect.void : Effect.fail(new Leaked({ more }))
    }),
    Effect.retry({
      while: (error) => error instanceof Leaked,
      schedule: Schedule.upTo(Schedule.spaced("100 millis"), { times: Math.ceil((options.patience ?? 10_000) / 100) })
    })
  )

/**
 * Runs a program with an engine and holds it to leaving nothing: afterwards the engine has no container, image, network and volume, and,
 * once its Layer is closed, this process no open socket, pipe or file, no child process and no timer that was not there
 * before. Fails with {@link Leaked}, which lists what there is more, however the program ended; otherwise gives what the
 * program gave. Of a process it looks at what keeps it alive everywhere, and at files and sockets by name on Linux.
 *
 * Nobody else may use the engine meanwhile (or see `LeakOptions.containers`), and nothing else go on in the process: run
 * such tests one at a time, and with a real clock.
 *
 * **Example** (A container that nobody removes)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Container } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 * import * as Testing from "effect-containers/testing"
 *
 * const engine = Memory.layer({ images: [Memory.image("job", () => ({ exitCode: 0 }))] })
 * const tidy = Container.run(Container.make("job"))
 * const untidy = Effect.scoped(Container.start(Container.make("job"), { detach: true }))
 * const check = Testing.withoutLeaks(engine, { patience: 100 })
 *
 * await Effect.runPromise(tidy.pipe(check, Effect.map(({ exit }) => exit._tag))) // => "Exited"
 * const leaked = await Effect.runPromise(untidy.pipe(check, Effect.flip))
 * leaked._tag // => "Leaked"
 * ```
 *
 * @category leaks
 * @since 0.1.0
 */
export const withoutLeaks = <Own, E2>(layer: Layer.Layer<Backend | Own, E2>, options: LeakOptions = {}) =>
<A, E, R>(
  program: Effect.Effect<A, E, R>
): Effect.Effect<A, E | E2 | Leaked | ListError, Exclude<R, Backend | Own>> =>
  Effect.gen(function*() {
    const before = yield* ofProcess
    const exit = yield* Effect.exit(
      Effect.gen(function*() {
        const engine = ofEngine(options)
        const held = yield* engine
        const exit = yield* Effect.exit(program)
        yield* settled(engine, held, options)
        return yield* exit
      }).pipe(Effect.provide(layer))
    )
    yield* settled(ofProcess, before, options)
    return yield* exit
  })
