/**
 * Containers on a Swarm that wait for a node, ever more of them: what the manager is asked for their sake, what it answers, and
 * what that costs the client. No node takes them, so that nothing else is measured, and no machine is needed for each.
 *
 * Usage: npm run bench -- swarm-waiting [--most 1000] [--seconds 10]
 */
import { setTimeout as sleep } from "node:timers/promises"
import { start } from "../scripts/engines/start.ts"
import { ask } from "../scripts/engines/swarm.ts"
import { counts } from "./measure/options.ts"
import { proxy } from "./measure/proxy.ts"
import { report } from "./measure/report.ts"
import type { Row } from "./measure/table.ts"
import { employ } from "./measure/worker.ts"
import { stage } from "./stage/stage.ts"
import { published } from "./stage/swarm.ts"

const { most, seconds } = counts({ most: 1000, seconds: 10 })

const sizes = [...new Set([10, Math.min(most, 100), most])].filter((size) => size <= most)
const of = (size: number) => `${size} containers`
const looks = "GET /tasks"

const staged = stage()
const { engines, folder, registries, stop } = await start(["swarm28x3", "registry"])
try {
  const engine = engines["swarm28x3"]
  if (engine === undefined) throw new Error("there is no Swarm")
  const socket = engine.host.replace("unix://", "")
  const image = await published(engine, registries["registry"] ?? "")
  const waiting = async () =>
    (await ask(socket, "GET", "/tasks") as ReadonlyArray<{ readonly Status: { readonly State: string } }>).filter((
      { Status }
    ) => Status.State === "pending").length
  const between = await proxy(engine.host, `${folder}/count.sock`)
  const asked: Array<Row> = []
  const answered: Array<Row> = []
  const spent: Array<Row> = []
  for (const size of sizes) {
    const worker = await employ(staged, "rivals/waiting", [between.host, image])
    await worker.call("hold", size)
    while (await waiting() < size) await sleep(500)
    // Nothing changes from here on: it is looked ever more seldom.
    await sleep(5000)
    between.requests()
    between.answered()
    const before = await worker.usage()
    await sleep(seconds * 1000)
    const after = await worker.usage()
    const count = between.requests().filter((one) => one === looks).length
    asked.push({ name: of(size), values: [count / seconds] })
    answered.push({ name: of(size), values: [between.answered() / count / 1000] })
    spent.push({ name: of(size), values: [(after.cpu - before.cpu) / seconds] })
    await worker.call("release")
    await worker.end()
  }
  between.stop()
  const base = of(sizes[0] ?? most)
  report({
    bench: "swarm-waiting",
    title: `${sizes.join(", ")} containers that wait on a Swarm`,
    how:
      "Each is started where no node is suited, so that its task stays pending and this library waits for it. After five "
      + `seconds in which nothing changes, ${seconds} seconds are watched by a proxy in front of the manager. `
      + "The answers' size has that of the list of nodes in it, which is asked for once a second.",
    tables: [
      {
        title: "Looks at tasks",
        quantity: "looks a second",
        unit: "",
        base,
        rows: asked,
        targets: [{ row: of(most), atMost: 1.1 }]
      },
      {
        title: "Size of a look",
        quantity: "what the manager answers",
        unit: "kB",
        base,
        rows: answered,
        targets: []
      },
      {
        title: "Processor time of the client while it waits",
        quantity: "processor time of a second",
        unit: "ms",
        base,
        rows: spent,
        targets: []
      }
    ]
  })
} finally {
  await stop()
}
