import * as Redacted from "effect/Redacted"
import type { ContainerConfig } from "../../../ContainerConfig.ts"
import { path } from "./defaults.ts"

/** What an image says of how to run it. */
export interface ImageConfig {
  readonly env: ReadonlyArray<string>
  readonly entrypoint: ReadonlyArray<string>
  readonly command: ReadonlyArray<string>
  readonly workDir: string
  readonly user: string
  readonly stopSignal: string | undefined
}

type Variables = ReadonlyArray<readonly [name: string, value: string | Redacted.Redacted<string>]>

/** Ours over those that were there; each name once, where it stood first. */
export const environment = (
  base: ReadonlyArray<string>,
  ours: Variables,
  given: Readonly<Record<string, string>> = {}
): ReadonlyArray<string> => {
  const all = new Map<string, string>(Object.entries(given))
  for (const variable of base) {
    const at = variable.indexOf("=")
    all.set(at === -1 ? variable : variable.slice(0, at), at === -1 ? "" : variable.slice(at + 1))
  }
  for (const [name, value] of ours) all.set(name, Redacted.isRedacted(value) ? Redacted.value(value) : value)
  return [...all].map(([name, value]) => `${name}=${value}`)
}

/** The command line: an entrypoint of one's own takes the image's command away. */
export const commandLine = (config: ContainerConfig, image: ImageConfig): ReadonlyArray<string> => [
  ...config.entrypoint ?? image.entrypoint,
  ...config.command ?? (config.entrypoint === undefined ? image.command : [])
]

export const variables = (config: ContainerConfig, image: ImageConfig, hostname: string): ReadonlyArray<string> =>
  environment(image.env, config.env, {
    PATH: path,
    HOSTNAME: hostname,
    ...config.tty ? { TERM: "xterm" } : {}
  })
