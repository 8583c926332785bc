/** A loop in a shell: each job is a service that is created, waited for, whose log is read, and that is removed. */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { children } from "../measure/usage.ts"
import type { Contender } from "./contender.ts"

const execute = promisify(execFile)

/**
 * `$0` is the program with the engine's address, `$1` the image, what follows the command. The names that Docker makes up are
 * too few: of 1,000 jobs two had one that another had.
 */
const one = `id=$($0 service create --quiet --name job-$$ --mode replicated-job --restart-condition none "$@") &&
  $0 service logs --raw "$id"; $0 service rm "$id" >/dev/null`

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`

export const make = async (host: string, program: string, image: string): Promise<Contender> => {
  const shell = async (script: string): Promise<string> => {
    const { stdout } = await execute("sh", ["-c", script], { maxBuffer: 1 << 26 })
    return stdout
  }
  const job = (command: ReadonlyArray<string>) =>
    ["sh", "-c", quoted(one), quoted(`${program} -H ${host}`), image, ...command.map(quoted)].join(" ")
  return {
    run: (command) => shell(job(command)),
    many: async (count, concurrency, command, expected) => {
      const all = await shell(
        `i=0; while [ $i -lt ${count} ]; do echo $i; i=$((i+1)); done | xargs -P ${concurrency} -I {} ${job(command)}`
      )
      return all.split(expected).length - 1
    },
    usage: children,
    close: async () => {}
  }
}
