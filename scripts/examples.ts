/**
 * Runs the examples, all or those that are named (`npm run example -- quickstart`), each with a private engine in
 * DOCKER_HOST that has the image busybox:test. Ends with 1 if one of them fails.
 */
import { spawnSync } from "node:child_process"
import { globSync } from "node:fs"
import { basename } from "node:path"
import { EnginesError } from "./engines/home.ts"
import { archive, makeImage } from "./engines/image.ts"
import { load, start } from "./engines/start.ts"

const wanted = process.argv.slice(2)
const all = globSync("examples/*.ts").toSorted()
const chosen = wanted.length === 0 ? all : all.filter((file) => wanted.includes(basename(file, ".ts")))

const main = async (): Promise<void> => {
  if (chosen.length === 0) throw new EnginesError(`no such example; there are ${all.join(", ")}`)
  const { engines, registries, stop } = await start(["docker", "registry"])
  let failed = 0
  try {
    const docker = engines["docker"]
    if (docker === undefined) throw new EnginesError("no engine was started")
    await load(docker, archive(await makeImage(), ["busybox:test"]))
    for (const file of chosen) {
      process.stdout.write(`\n# ${file}\n`)
      const { signal, status } = spawnSync(process.execPath, [file], {
        stdio: ["ignore", "inherit", "inherit"],
        timeout: 180_000,
        env: {
          ...process.env,
          DOCKER_HOST: docker.host,
          QUICKSTART_IMAGE: "busybox:test",
          EFFECT_CONTAINERS_TEST_REGISTRY: registries["registry"]
        }
      })
      if (status === 0) continue
      failed++
      process.stderr.write(`${file} ended with ${signal ?? status}\n`)
    }
  } finally {
    await stop()
  }
  process.stdout.write(`\nexamples: ${chosen.length - failed} passed, ${failed} failed\n`)
  process.exitCode = failed === 0 ? 0 : 1
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof EnginesError ? error.message : String(error)}\n`)
  process.exitCode = 1
})
