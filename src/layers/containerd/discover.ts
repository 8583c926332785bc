import * as Effect from "effect/Effect"
import { readFile } from "node:fs/promises"
import * as Http2 from "node:http2"
import * as Net from "node:net"
import { join } from "node:path"
import type * as Errors from "../../Errors.ts"
import type { ContainerdConfig } from "./config.ts"
import type { Environment } from "./environment.ts"
import { fromCause, reason } from "./errors.ts"
import { ifThere } from "./there.ts"

/** A socket that may be a containerd's. */
export interface Candidate {
  readonly path: string
  /** Who names it. */
  readonly source: string
  /** It was chosen, so no other will do. */
  readonly isChosen: boolean
  /** Why it cannot be said where it is. */
  readonly issue?: Errors.Reason
}

const wellKnown = "/run/containerd/containerd.sock"

const rootless = (runtime: string): Effect.Effect<ReadonlyArray<Candidate>> =>
  Effect.suspend(() => {
    const [source, isChosen] = ["rootless", false]
    const own: Candidate = { path: join(runtime, "containerd", "containerd.sock"), source, isChosen }
    const noted = join(runtime, "containerd-rootless", "child_pid")
    return Effect.tryPromise({
      try: () => ifThere(readFile(noted, "utf8")),
      catch: (cause) => fromCause("connect", cause)
    }).pipe(Effect.match({
      onSuccess: (pid = "") =>
        /^\d+\s*$/.test(pid) ? [own, { path: `/proc/${pid.trim()}/root${wellKnown}`, source, isChosen }] : [own],
      onFailure: (issue) => [own, { path: noted, source, isChosen, issue }]
    }))
  })

/** Where a containerd may be, the likeliest first. */
export const candidates = (
  config: ContainerdConfig,
  environment: Environment
): Effect.Effect<ReadonlyArray<Candidate>> => {
  const given = config.address ?? environment.CONTAINERD_ADDRESS
  if (given !== undefined) {
    const source = config.address === undefined ? "CONTAINERD_ADDRESS" : "the configuration"
    return Effect.succeed([{ path: given.replace(/^unix:\/\//, ""), source, isChosen: true }])
  }
  const runtime = environment.XDG_RUNTIME_DIR
  return Effect.map(runtime === undefined ? Effect.succeed([]) : rootless(runtime), (found) => [
    ...config.rootless === "enabled" ? [] : [{ path: wellKnown, source: "the usual place", isChosen: false }],
    ...config.rootless === "disabled" ? [] : found
  ])
}

/** Why a socket cannot be spoken with; gRPC would only say that it is not connected. */
const refusal = (cause: NodeJS.ErrnoException): Errors.Reason => {
  const { code, message } = cause
  const operation = "connect"
  return code === "ENOENT" || code === "ENOTDIR"
    ? reason("NotFound", { operation, message: "there is no such socket", code })
    : code === "EACCES" || code === "EPERM"
    ? reason("PermissionDenied", {
      operation,
      message: "the socket may not be opened",
      code,
      hint: "be root, or use a rootless containerd"
    })
    : code?.startsWith("ERR_HTTP2_") === true
    ? reason("Protocol", { operation, message: `what listens there does not speak HTTP/2: ${message}`, code })
    : reason("Unavailable", { operation, message, code })
}

/**
 * Whether somebody speaks HTTP/2 at a socket, within so many milliseconds. gRPC's client never closes a connection whose
 * other side does not say a word, so it is only let to one that does.
 */
export const probe = (path: string, deadline = 5000): Effect.Effect<void, Errors.Reason> =>
  Effect.callback<void, Errors.Reason>((resume) => {
    const session = Http2.connect("http://localhost", { createConnection: () => Net.connect({ path }) })
    let isGreeted = false
    session.once("remoteSettings", () => {
      isGreeted = true
      session.destroy()
    })
    session.on("error", (cause) => resume(Effect.fail(refusal(cause))))
    session.once("close", () =>
      resume(
        isGreeted ? Effect.void : Effect.fail(
          reason("Unavailable", { operation: "connect", message: "the connection was closed before it was answered" })
        )
      ))
    return Effect.sync(() => session.destroy())
  }).pipe(Effect.timeoutOrElse({
    duration: deadline,
    orElse: () => Effect.fail(reason("TimedOut", { operation: "connect", message: `no answer within ${deadline} ms` }))
  }))
