/**
 * A private containerd: from nothing to the result of `/bin/true`, and the runs after that; against a run on an engine that
 * is there.
 *
 * Usage: npm run bench -- embedded [--rounds 8]
 */
import { Effect, ManagedRuntime, Stream } from "effect"
import { Container, Image } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { script, suite } from "../scripts/engines/home.ts"
import { start } from "../scripts/engines/start.ts"
import { counts } from "./measure/options.ts"
import { race, rows, timed } from "./measure/race.ts"
import { report } from "./measure/report.ts"
import type { Table } from "./measure/table.ts"
import { image } from "./rivals/contender.ts"
import { archived, withContainerd } from "./stage/containerd.ts"

const { rounds } = counts({ rounds: 8 })

const job = Container.make(image).pipe(Container.pull("never"), Container.command(["/bin/true"]))

const home = mkdtempSync(join(tmpdir(), "efc-embedded-"))
const containerd = join(home, "containerd")
writeFileSync(
  containerd,
  `#!/bin/sh\nexec bash '${script("inside.sh")}' programs '${await suite("forky")}' containerd "$@"\n`
)
chmodSync(containerd, 0o755)

const embedded = () =>
  ManagedRuntime.make(Containerd.layer({
    network: "none",
    autoStart: { when: "always", folder: join(home, "engine"), containerd }
  }))

const engines = await start(["containerd21"])
try {
  const engine = engines.engines["containerd21"]
  if (engine === undefined) throw new Error("there is no containerd")
  const raced = await withContainerd("containerd21", engine, async ({ runtime }) => {
    // Its images stay in the folder; what is measured is an engine, not an import.
    const first = embedded()
    await first.runPromise(Image.fromArchive(Stream.make(await archived())))
    await first.dispose()
    let own = embedded()
    const run = (on: typeof own) => on.runPromise(Effect.asVoid(Container.run(job)))
    const raced = await race([
      {
        name: "an engine that is there",
        run: () => timed(() => runtime.runPromise(Effect.asVoid(Container.run(job))))
      },
      {
        name: "a private one, the first run",
        before: async () => {
          await own.dispose()
          own = embedded()
        },
        run: () => timed(() => run(own))
      },
      {
        name: "a private one, the next run",
        before: () => run(own),
        run: () => timed(() => run(own))
      }
    ], rounds)
    await own.dispose()
    return raced
  })
  const table: Table = {
    title: "A run of /bin/true on a private containerd",
    quantity: "time until the result",
    unit: "ms",
    base: "an engine that is there",
    rows: rows(raced, "time"),
    targets: [
      { row: "a private one, the first run", atMost: 3 },
      { row: "a private one, the next run", atMost: 1.1 }
    ],
    note:
      "The first run begins with no process but this program's: the daemon is started, connected to and asked what it can do. "
      + "The image is in the engine's folder from an earlier program."
  }
  report({
    bench: "embedded",
    title: "A private containerd",
    how: "`autoStart` with containerd of the same version as the engine that is there, both without a network.",
    tables: [table]
  })
} finally {
  await engines.stop()
  rmSync(home, { recursive: true, force: true })
}
