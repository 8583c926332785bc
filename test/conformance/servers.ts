/**
 * The servers of busybox that the conformance cases call: they listen on the port of this machine that the engine chose.
 */
import { Effect } from "effect"
import { createServer } from "node:http"
import type { Program } from "./program.ts"
import { from } from "./system.ts"

const option = (args: ReadonlyArray<string>, name: string): string | undefined => {
  const at = args.indexOf(name)
  return at === -1 ? undefined : args[at + 1]
}

/** Serves the files of a folder until it is killed. */
export const httpd = ({ args, directory, process }: Program): Effect.Effect<number> =>
  Effect.callback<number>(() => {
    const port = Number(option(args, "-p") ?? 80)
    const folder = from(directory, option(args, "-h") ?? ".")
    const binding = process.ports.find(({ containerPort, protocol }) => containerPort === port && protocol === "tcp")
    // Nobody can reach it.
    if (binding === undefined) return
    const server = createServer((request, response) => {
      const path = from(folder, `.${request.url ?? "/"}`)
      void Effect.runPromise(Effect.match(process.files.read(path), {
        onSuccess: (bytes) => response.end(bytes),
        onFailure: () => response.writeHead(404).end("not found\n")
      }))
    })
    server.listen(binding.hostPort, binding.hostIp)
    return Effect.sync(() => {
      server.close()
      server.closeAllConnections()
    })
  })
