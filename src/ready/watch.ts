import * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Backend, Endpoint } from "../Backend.ts"
import * as Errors from "../Errors.ts"
import * as ExitStatus from "../ExitStatus.ts"
import * as Filter from "../Filter.ts"
import * as Logs from "../Logs.ts"
import type { Leaf } from "./condition.ts"
import * as Probe from "./probe.ts"

/** What watching needs to know. */
export interface Watched {
  readonly backend: Backend["Service"]
  readonly id: string
  /** When to look again at what tells nothing by itself. */
  readonly schedule: Schedule.Schedule<unknown>
  readonly endpoint: (port: number) => Result.Result<Endpoint, Errors.InvalidArgument>
  /** How the container ended, once it has. */
  readonly exited: Effect.Effect<ExitStatus.ExitStatus>
  /** Says how the leaf stands; `final`: it will stay so. */
  readonly update: (seen: Probe.Seen, options?: { readonly final?: boolean | undefined }) => Effect.Effect<void>
}

type Watch<L extends Leaf["_tag"]> = (
  leaf: Extract<Leaf, { readonly _tag: L }>,
  watched: Watched
) => Effect.Effect<void, Errors.Reason>

const operation = "ready"

/** Looks again and again, until it holds no longer matters or the schedule ends. */
const poll = <E>(look: Effect.Effect<Probe.Seen, E>, { schedule, update }: Watched): Effect.Effect<void, E> => {
  let last: Probe.Seen = { holds: false, saw: "" }
  const once = Effect.flatMap(look, (seen) => {
    last = seen
    return update(seen)
  })
  return Effect.andThen(Effect.repeat(once, schedule), Effect.suspend(() => update(last, { final: true })))
}

const log: Watch<"Log"> = ({ pattern, source, times }, { backend, exited, id, update }) => {
  const test = typeof pattern === "string"
    ? (line: string) => line.includes(pattern)
    // One that remembers where it was would skip lines.
    : ((regex) => (line: string) => regex.test(line))(new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, "")))
  let count = 0
  let last = ""
  const seen = (): Probe.Seen => ({
    holds: count >= times,
    saw: count > 0 && times > 1
      ? `seen ${count} of ${times} times`
      : last === ""
      ? "nothing was written"
      : `the last line is ${JSON.stringify(last.slice(0, 200))}`
  })
  const output = backend.logs(id, {
    follow: true,
    stdout: source !== "stderr",
    stderr: source !== "stdout"
  })
  return update(seen()).pipe(
    Effect.andThen(Stream.runForEachArray(Logs.lines(output), (lines) => {
      for (const { text } of lines) {
        last = text
        if (test(text)) count++
      }
      return update(seen(), { final: count >= times })
    })),
    Effect.mapError(({ reason }) => reason),
    // Its output ends before its end is known, which is why nothing more can come.
    Effect.andThen(exited),
    Effect.andThen(Effect.suspend(() => update(seen(), { final: true })))
  )
}

const port: Watch<"Port"> = (leaf, watched) =>
  Effect.flatMap(Effect.fromResult(watched.endpoint(leaf.port)), (endpoint) => poll(Probe.connect(endpoint), watched))

const http: Watch<"Http"> = (leaf, watched) =>
  Effect.flatMap(Effect.fromResult(watched.endpoint(leaf.port)), (endpoint) => poll(Probe.ask(leaf, endpoint), watched))

/** How long a command may take that is to say whether something is ready. */
const commandPatience = "30 seconds"

const exec: Watch<"Exec"> = ({ command, env, user }, watched) => {
  const { backend, id } = watched
  const look = Effect.gen(function*() {
    const process = yield* backend.exec(id, {
      command: typeof command === "string" ? ["/bin/sh", "-c", command] : command,
      env: Object.entries(env),
      user,
      tty: false,
      stdin: false
    }).pipe(Effect.mapError(({ reason }) => reason))
    const collector = new Logs.Collector({ limit: 4096 })
    yield* Stream.runForEachArray(process.output, (frames) => Effect.sync(() => collector.pushAll(frames)))
    const exit = yield* process.exit
    const said = collector.output().text.trimEnd().split("\n").at(-1) ?? ""
    return {
      holds: exit._tag === "Exited" && exit.code === 0,
      saw: `it ${ExitStatus.format(exit)}${said === "" ? "" : `: ${said.slice(0, 200)}`}`
    }
  }).pipe(
    Effect.scoped,
    Effect.timeoutOrElse({
      duration: commandPatience,
      orElse: () => Effect.succeed({ holds: false, saw: `it did not end within ${commandPatience}` })
    }),
    // It does not run: whoever waits for its end says so.
    Effect.catchTags({
      Conflict: (reason) => Effect.succeed({ holds: false, saw: reason.message }),
      NotFound: (reason) => Effect.succeed({ holds: false, saw: reason.message })
    })
  )
  return poll(look, watched)
}

/** Whenever it is told that something happened, and in between, should it not be told. */
const healthcheck: Watch<"Healthcheck"> = (_leaf, watched) => {
  const { backend, id, update } = watched
  const look = Effect.gen(function*() {
    const { health } = yield* Effect.mapError(backend.inspect(id), ({ reason }) => reason)
    if (health === undefined) {
      return yield* new Errors.Unsupported({
        operation,
        message: "the container has no health check",
        hint: "give it one with Container.healthcheck, or use Ready.exec, which asks the same from here"
      })
    }
    const saw = health.output === undefined ? health.status : `${health.status}: ${health.output.trimEnd().slice(-200)}`
    return { seen: { holds: health.status === "healthy", saw }, final: health.status === "unhealthy" }
  })
  const told = Effect.flatMap(look, ({ final, seen }) => update(seen, { final }))
  const events = backend.events({ filter: Filter.and(Filter.type("container"), Filter.container(id)) }).pipe(
    Stream.filter(({ action }) => action.startsWith("health_status")),
    // What goes wrong in looking goes wrong in the polls, which say it.
    Stream.runForEach(() => Effect.ignore(told)),
    // Not every engine has events, and the polls do without.
    Effect.catch(({ message }) => Effect.logDebug(`a health check is only polled: ${message}`))
  )
  return Effect.raceFirst(
    poll(Effect.map(Effect.tap(look, ({ final, seen }) => update(seen, { final })), ({ seen }) => seen), watched),
    Effect.andThen(events, Effect.never)
  )
}

const exited: Watch<"Exited"> = ({ code }, { exited, update }) =>
  Effect.andThen(
    update({ holds: false, saw: "it runs" }),
    Effect.flatMap(exited, (exit) =>
      update({ holds: exit._tag === "Exited" && exit.code === code, saw: `it ${ExitStatus.format(exit)}` }, {
        final: true
      }))
  )

/** Watches a leaf for as long as the scope is open, or until it is final. */
export const watch = (leaf: Leaf, watched: Watched): Effect.Effect<void, Errors.Reason, Scope.Scope> => {
  switch (leaf._tag) {
    case "Log":
      return log(leaf, watched)
    case "Port":
      return port(leaf, watched)
    case "Http":
      return http(leaf, watched)
    case "Exec":
      return exec(leaf, watched)
    case "Healthcheck":
      return healthcheck(leaf, watched)
    case "Exited":
      return exited(leaf, watched)
  }
}
