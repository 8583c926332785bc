/** What a Swarm's benches need before they begin. */
import { archive, makeImage } from "../../scripts/engines/image.ts"
import { type Engine, load } from "../../scripts/engines/start.ts"
import { ask } from "../../scripts/engines/swarm.ts"

/** The image's digest in the registry, from where every node has it. */
export const published = async (engine: Engine, registry: string): Promise<string> => {
  const socket = engine.host.replace("unix://", "")
  await load(engine, archive(await makeImage(), [`${registry}/busybox:test`]))
  // The answer is a line a status.
  await ask(socket, "POST", `/images/${registry}/busybox/push?tag=test`, undefined, { "x-registry-auth": "e30=" })
    .catch((error: unknown) => {
      if (!(error instanceof SyntaxError)) throw error
    })
  const found = await ask(socket, "GET", `/images/${registry}/busybox:test/json`) as {
    readonly RepoDigests: ReadonlyArray<string>
  }
  return found.RepoDigests[0] ?? ""
}
