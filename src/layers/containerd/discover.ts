import * as Effect from "effect/Effect"
import { readFile } from "node:fs/promises"
import * as Net from "node:net"
import { join } from "node:path"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import type { ContainerdConfig } from "./config.ts"
import type { Environment } from "./environment.ts"

/** A socket that may be a containerd's. */
export interface Candidate {
  readonly path: string
  /** Who names it. */
  readonly source: string
  /** It was chosen, so no other will do. */
  readonly isChosen: boolean
}

const wellKnown = "/run/containerd/containerd.sock"

const rootless = (runtime: string): Effect.Effect<ReadonlyArray<Candidate>> =>
  Effect.promise(async () => {
    const pid = await readFile(join(runtime, "containerd-rootless", "child_pid"), "utf8").catch(() => "")
    const own = { path: join(runtime, "containerd", "containerd.sock"), source: "rootless", isChosen: false }
    return /^\d+\s*$/.test(pid)
      ? [own, { path: `/proc/${pid.trim()}/root${wellKnown}`, source: "rootless", isChosen: false }]
      : [own]
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

/** Why nobody can be spoken to at a socket, from the kernel's own word; gRPC would only say that it is not connected. */
export const probe = (path: string): Effect.Effect<void, Errors.Reason> =>
  Effect.callback((resume) => {
    const socket = Net.connect({ path })
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.void)
    })
    socket.once("error", (cause: NodeJS.ErrnoException) => {
      const { code, message } = cause
      resume(Effect.fail(
        code === "ENOENT" || code === "ENOTDIR"
          ? reason("NotFound", { operation: "connect", message: "there is no such socket", code })
          : code === "EACCES" || code === "EPERM"
          ? reason("PermissionDenied", {
            operation: "connect",
            message: "the socket may not be opened",
            code,
            hint: "be root, or use a rootless containerd"
          })
          : reason("Unavailable", { operation: "connect", message, code })
      ))
    })
    return Effect.sync(() => socket.destroy())
  })
