import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import { readFileSync, readlinkSync } from "node:fs"
import { readdir } from "node:fs/promises"
import type * as Errors from "../../Errors.ts"
import type { Engine } from "./engine.ts"
import { find } from "./engineTask.ts"
import { codeOf, fromCause } from "./errors.ts"
import { hasCgroups } from "./host.ts"
import { Tasks } from "./protocol/tasks_pb.ts"
import { isAbsent } from "./there.ts"

const operation = "exec"

/** The engine signals a process, but not what it started, which is known again by this variable. */
const marker = "EFFECT_CONTAINERS_EXEC"

/** The variable of one process, with its value. */
export const newMark = (): string => `${marker}=${randomBytes(8).toString("hex")}`

/** A process that was executed, and the first one of its container. */
interface Executed {
  readonly pid: number | undefined
  readonly container: number | undefined
}

/** In the order of the file; the name before them may have anything in it. */
const sessionOf = (stat: string): number => Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3])

/**
 * The environment of another user's process is closed to who is not root, but whoever started it is known: every process
 * that is executed begins a session, and numbers of processes mean nothing but in a namespace.
 */
const isOfSession = (pid: number, { container, pid: first }: Executed): boolean => {
  if (first === undefined || container === undefined) return false
  const namespace = (pid: number) => readlinkSync(`/proc/${pid}/ns/pid`)
  return sessionOf(readFileSync(`/proc/${pid}/stat`, "latin1")) === first && namespace(pid) === namespace(container)
}

const isClosed = (cause: unknown): boolean => codeOf(cause) === "EACCES" || codeOf(cause) === "EPERM"

/** `false` where a look fails like this; any other failure may hide a process that was meant. */
const orNot = (isMeant: (cause: unknown) => boolean, look: () => boolean): boolean => {
  try {
    return look()
  } catch (cause) {
    if (isMeant(cause)) return false
    throw cause
  }
}

const isMarked = (pid: number, mark: string, executed: Executed): boolean => {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(mark)
  } catch (cause) {
    // It has ended, or its number means nothing here.
    if (isAbsent(cause)) return false
    if (!isClosed(cause)) throw cause
    return orNot((cause) => isAbsent(cause) || isClosed(cause), () => isOfSession(pid, executed))
  }
}

/** Nothing comes between looking at a process and signalling it: its number cannot have become another's. */
const send = (pid: number, mark: string, executed: Executed, signal: number): boolean =>
  isMarked(pid, mark, executed) && orNot(isAbsent, () => process.kill(pid, signal))

/** Whether there was one that could be signalled. One that cannot be looked at does not keep the others from it. */
const sendAll = (
  pids: ReadonlyArray<number>,
  mark: string,
  executed: Executed,
  signal: number
): Effect.Effect<boolean, Errors.Reason> =>
  Effect.suspend(() => {
    let found = false
    const failed: Array<unknown> = []
    for (const pid of pids) {
      try {
        if (send(pid, mark, executed, signal)) found = true
      } catch (cause) {
        failed.push(cause)
      }
    }
    return failed.length === 0 ? Effect.succeed(found) : Effect.fail(fromCause(operation, failed[0]))
  })

/** Those of all of this machine: where a container has no control group, the engine knows only its first process. */
const everybody = Effect.tryPromise({
  try: async () => (await readdir("/proc")).map(Number).filter((pid) => pid > 1),
  catch: (cause) => fromCause(operation, cause)
})

/** Those among which there are all of a container. */
const candidates = ({ channel, host }: Engine, containerId: string): Effect.Effect<
  ReadonlyArray<number>,
  Errors.Reason
> =>
  hasCgroups(host)
    ? channel.unary(Tasks.method.listPids, { containerId }, { operation }).pipe(
      Effect.map(({ processes }) => processes.map(({ pid }) => pid)),
      Effect.catchTag("NotFound", () => Effect.succeed([]))
    )
    : everybody

/** How often it is looked whether more were started meanwhile: whoever starts them faster is not to hold us for ever. */
const rounds = 100

/**
 * Signals the processes of a container that have the mark. What is to be killed is looked for until nothing is found.
 * Those that cannot be seen from here, as on another machine, are left alone.
 */
export const signalDescendants = Effect.fnUntraced(function*(
  engine: Engine,
  containerId: string,
  mark: string,
  signal: number,
  /** The one that the engine signals. */
  first: number | undefined
): Effect.fn.Return<void, Errors.Reason> {
  const container = hasCgroups(engine.host) ? undefined : (yield* find(engine, operation, containerId))?.pid
  for (let round = 0; round < rounds; round++) {
    const pids = yield* candidates(engine, containerId)
    const started = pids.filter((pid) => pid !== first)
    const found = yield* sendAll(started, mark, { pid: first, container }, signal)
    if (signal !== 9 || !found) return
  }
})
