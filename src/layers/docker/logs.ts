import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { LogsOptions } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import type { Frame } from "../../Logs.ts"
import { frames } from "../dockerApi/frames.ts"
import { stream } from "../dockerApi/request.ts"
import * as Time from "../dockerApi/time.ts"
import { endsEarly, follow as followed, followEarly } from "./follow.ts"
import { type Containers, isTty, look, path } from "./known.ts"

/** What the engine has kept of what a container wrote and, with `follow`, what it writes. */
export const logs = (containers: Containers, id: string, options: LogsOptions): Stream.Stream<Frame, Errors.Reason> => {
  const { client } = containers
  const { follow = false, since, stderr = true, stdout = true, tail, timestamps = false, until } = options
  if (!stdout && !stderr) return Stream.empty
  const read = (options: { readonly follow: boolean; readonly tail: number | undefined }) =>
    stream(client, {
      operation: "logs",
      method: "GET",
      path: path(id, "/logs"),
      query: {
        follow: options.follow ? 1 : 0,
        stdout: stdout ? 1 : 0,
        stderr: stderr ? 1 : 0,
        since: Time.parameter(since),
        until: Time.parameter(until),
        timestamps: timestamps ? 1 : 0,
        tail: options.tail ?? "all"
      }
    })
  const status = Effect.map(look(containers, "logs", id), ({ state }) => state.status)
  const body = !follow
    ? read({ follow, tail })
    : client.isPodman
    ? followed({ read, status }, tail)
    : endsEarly(client.apiVersion)
    ? followEarly({ read, status }, tail)
    : read({ follow, tail })
  return Stream.unwrap(Effect.map(isTty(containers, "logs", id), (tty) => frames(body, { tty, timestamps })))
}
