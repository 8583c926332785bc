/** Plugins that do nothing but to say what they were asked. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** What one was asked. */
export interface Call {
  readonly type: string
  readonly command: string
  readonly namespace: string
  readonly input: Readonly<Record<string, unknown>>
}

export interface Fake {
  readonly folder: string
  /** A plugin, and the shell's commands that it runs after it has noted its call. */
  readonly plugin: (type: string, body: string) => void
  readonly calls: () => ReadonlyArray<Call>
  readonly remove: () => void
}

export const make = (): Fake => {
  const folder = mkdtempSync(join(tmpdir(), "efc-cni-"))
  const log = join(folder, "log")
  writeFileSync(log, "")
  return {
    folder,
    plugin: (type, body) => {
      const path = join(folder, type)
      const note = `input=$(cat)
printf '{"type":"%s","command":"%s","namespace":"%s","input":%s}\\n' ${type} "$CNI_COMMAND" "$CNI_NETNS" "$input" >>'${log}'`
      writeFileSync(path, `#!/bin/sh\n${note}\n${body}\n`)
      chmodSync(path, 0o755)
    },
    calls: () =>
      readFileSync(log, "utf8").split("\n").filter((line) => line !== "").map((line): Call => JSON.parse(line)),
    remove: () => rmSync(folder, { recursive: true, force: true })
  }
}
