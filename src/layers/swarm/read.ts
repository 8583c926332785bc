import * as DateTime from "effect/DateTime"
import * as Stream from "effect/Stream"
import type { LogsOptions } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import type { Frame } from "../../Logs.ts"
import { fromMessage, late } from "../dockerApi/errors.ts"
import { frames } from "../dockerApi/frames.ts"
import { segment, stream } from "../dockerApi/request.ts"
import { said } from "./errors.ts"
import type { Swarm } from "./known.ts"

/** Which part of a task's log is asked for. */
export interface Asked {
  readonly task: string
  readonly tty: boolean
  readonly follow: boolean
  /** Nanoseconds since the epoch. */
  readonly since: bigint | undefined
  readonly tail?: number | undefined
  readonly options: LogsOptions
}

const nanos = (time: DateTime.Utc | undefined): bigint | undefined =>
  time === undefined ? undefined : BigInt(DateTime.toEpochMillis(time)) * 1_000_000n

/** The later of what was asked for and of what is needed. */
const sinceOf = ({ options, since }: Asked): string | undefined => {
  const wanted = nanos(options.since)
  const from = since === undefined || wanted !== undefined && wanted > since ? wanted : since
  if (from === undefined || from <= 0n) return undefined
  return `${from / 1_000_000_000n}.${String(from % 1_000_000_000n).padStart(9, "0")}`
}

/**
 * What a manager says inside of a log. It collects what the nodes send; where one does not, it says so, and the log is not
 * whole.
 */
const explained = (swarm: Swarm, error: Errors.Reason): Errors.Reason => {
  if (error._tag !== "Internal") return error
  const { nodes } = swarm.watch
  const told = error.message
    .replace(/^Error grabbing logs: /, "")
    .replaceAll(/node (\w+)/g, (_, id: string) => `node ${nodes.nameOf(id)}`)
  const message = told.replace(/^rpc error: code = \w+ desc = /, "")
  const { operation } = error
  if (/incomplete log stream|is not available|node .* disconnected/.test(message)) {
    return reason("Unavailable", { operation, message })
  }
  const byCode = said(reason("Internal", { operation, message: told }))
  return byCode._tag === "Internal" ? said(fromMessage(operation, message)) : byCode
}

/** The frames of a task's log, each with its time. */
export const read = (swarm: Swarm, asked: Asked): Stream.Stream<Frame, Errors.Reason> => {
  const { follow, options, tail, task, tty } = asked
  const until = nanos(options.until)
  const body = stream(swarm.client, {
    operation: "logs",
    method: "GET",
    path: `/tasks/${segment(task)}/logs`,
    query: {
      follow: follow ? 1 : 0,
      stdout: options.stdout ?? true ? 1 : 0,
      stderr: options.stderr ?? true ? 1 : 0,
      since: sinceOf(asked),
      timestamps: 1,
      tail: tail ?? "all"
    }
  })
  const all = Stream.mapError(frames(body, { tty, timestamps: true }), (error) => explained(swarm, error))
  const { requestTimeout } = swarm.client
  // A question that a dead leader was asked is not answered.
  const timed = follow ? all : Stream.timeoutOrElse(all, {
    duration: requestTimeout,
    orElse: () => Stream.fail(late("logs", requestTimeout))
  })
  return until === undefined ? timed : Stream.filter(timed, ({ timestamp = 0n }) => timestamp < until)
}
