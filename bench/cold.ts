/**
 * From `node` to the result of one run, and out: what it costs to load and to connect.
 *
 * Usage: npm run bench -- cold [--rounds 12]
 */
import { execFile } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { counts } from "./measure/options.ts"
import { race, rows, timed } from "./measure/race.ts"
import { report } from "./measure/report.ts"
import { cli, modules } from "./stage/contenders.ts"
import { withDocker } from "./stage/docker.ts"
import { stage } from "./stage/stage.ts"

const { rounds } = counts({ rounds: 12 })

const execute = promisify(execFile)
const program = await cli()
const staged = stage()

/** A program that runs once and ends. */
const once = (module: string): string => {
  const file = join(staged.folder, `once-${module.replaceAll("/", "-")}.mjs`)
  writeFileSync(
    file,
    `import { make } from ${JSON.stringify(staged.path(module))}
const contender = await make(process.argv[2])
process.stdout.write(await contender.run(["echo", "hi"]))
await contender.close()
`
  )
  return file
}

await withDocker(async (docker) => {
  const commands = Object.entries(modules).map(([name, module]) =>
    name === "docker CLI"
      ? [name, program, ["-H", docker.host, "run", "--rm", "busybox:test", "echo", "hi"]] as const
      : [name, process.execPath, [once(module), docker.host]] as const
  )
  const raced = await race(
    commands.map(([name, program, args]) => ({
      name,
      before: docker.settled,
      run: () =>
        timed(async () => {
          const { stdout } = await execute(program, args)
          if (stdout !== "hi\n") throw new Error(`${name} wrote ${JSON.stringify(stdout)}`)
        })
    })),
    rounds
  )
  report({
    bench: "cold",
    title: "A program that runs one container",
    how:
      "A process is started that loads the client, connects, runs `echo hi` in a new container, prints what it wrote and "
      + "ends, when the container is removed. This library is loaded as `effect-containers`, `effect-containers/layers/Docker` "
      + "and the modules `effect/Effect` and `effect/ManagedRuntime`.",
    tables: [{
      title: "From `node` to the end",
      quantity: "time of the whole process",
      unit: "ms",
      base: "raw",
      rows: rows(raced, "time"),
      targets: [{ atMost: 1.35 }]
    }]
  })
})
