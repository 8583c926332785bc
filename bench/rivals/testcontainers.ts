/** testcontainers: a one-shot container and its logs. Without its helper container, which would be one more to start. */
import { GenericContainer, Wait } from "testcontainers"
import { type Contender, image, limited } from "./contender.ts"

export const make = async (host: string): Promise<Contender> => {
  process.env["DOCKER_HOST"] = host
  process.env["TESTCONTAINERS_RYUK_DISABLED"] = "true"
  // It does not keep the process alive while it waits.
  const alive = setInterval(() => {}, 60_000)
  const behind = new Set<Promise<unknown>>()
  const run = async (command: ReadonlyArray<string>): Promise<string> => {
    const container = await new GenericContainer(image).withCommand(command).withWaitStrategy(Wait.forOneShotStartup())
      .start()
    let text = ""
    for await (const chunk of await container.logs()) text += String(chunk)
    const removal: Promise<unknown> = container.stop().finally(() => behind.delete(removal))
    behind.add(removal)
    return text
  }
  return {
    run,
    many: limited(run),
    close: async () => {
      await Promise.all(behind)
      clearInterval(alive)
    }
  }
}
