/** What is looked up by a program that can open no file any more: prints what each step fails with. */
import { Effect } from "effect"
import { openSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Claims from "../../../src/layers/containerd/cni/claims.ts"
import * as Members from "../../../src/layers/containerd/cni/members.ts"
import * as Leftovers from "../../../src/layers/containerd/daemon/leftovers.ts"
import type { Place } from "../../../src/layers/containerd/daemon/place.ts"
import * as Discover from "../../../src/layers/containerd/discover.ts"
import { codeOf } from "../../../src/layers/containerd/errors.ts"
import { write } from "../../../src/layers/containerd/hostname.ts"
import { signalDescendants } from "../../../src/layers/containerd/signal.ts"
import { isKept } from "../../../src/layers/containerd/stdio/logging.ts"
import * as Order from "../../../src/layers/containerd/stdio/order.ts"

const [, , folder = ""] = process.argv

/** Of an engine all that is asked here: the processes of a container. */
const engine = (rootless: boolean) =>
  ({
    channel: { unary: () => Effect.succeed({ processes: [{ pid: process.pid }] }) },
    host: { rootless, cgroupVersion: rootless ? 1 : 2 }
  }) as unknown as Parameters<typeof signalDescendants>[0]

const issueOf = <A>(effect: Effect.Effect<A, { readonly _tag: string; readonly code?: unknown }>) =>
  Effect.match(effect, { onSuccess: () => "nothing", onFailure: ({ _tag, code }) => `${_tag} ${String(code)}` })

const rejection = (run: () => Promise<unknown>) =>
  Effect.promise(() => run().then(() => "nothing", (cause: unknown) => codeOf(cause)))

const place: Place = { id: "none", folder, runtime: join(folder, "run") }

const claims = Claims.make(`${folder}/claims`)
const config = { dns: undefined, extraHosts: [], hostAccess: undefined } as unknown as Parameters<typeof write>[2]

const looks = {
  "the processes of a container": issueOf(signalDescendants(engine(false), "c", "A=1", 15, undefined)),
  "those of the machine": issueOf(signalDescendants(engine(true), "c", "A=1", 15, undefined)),
  "who has claims": rejection(() => claims.held(() => true)),
  "who has one": rejection(() => claims.release("there", "/nobody")),
  "who is in a network": rejection(() => Members.close(`${folder}/network`)),
  "where names are asked for": issueOf(
    write(`${folder}/container`, { hostname: "c", network: "own", connected: undefined }, config)
  ),
  "whether a log is whole": issueOf(isKept("logs", Order.paths(`${folder}/container`))),
  "what a private engine has left": rejection(async () => Leftovers.find(place)),
  "where an engine is": Effect.map(
    Discover.candidates(
      { rootless: "enabled" },
      { XDG_RUNTIME_DIR: folder } as Parameters<typeof Discover.candidates>[1]
    ),
    (found) => found.map(({ issue }) => issue === undefined ? "" : `${issue._tag} ${String(issue.code)}`).join("")
  )
}

// Whatever is loaded late is loaded now.
await Effect.runPromise(Effect.all({ ...looks, "who is in a network": Effect.void }))
try {
  for (;;) openSync(fileURLToPath(import.meta.url), "r")
} catch {
  process.stdout.write(JSON.stringify(await Effect.runPromise(Effect.all(looks))))
}
