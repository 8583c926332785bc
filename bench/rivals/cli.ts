/** `docker run --rm`, as a program would start it. */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { children } from "../measure/usage.ts"
import { type Contender, image, limited } from "./contender.ts"

const execute = promisify(execFile)

export const make = async (host: string, program: string): Promise<Contender> => {
  const run = async (command: ReadonlyArray<string>): Promise<string> => {
    const { stdout } = await execute(program, ["-H", host, "run", "--rm", image, ...command])
    return stdout
  }
  return { run, many: limited(run), usage: children, close: async () => {} }
}
