import { readFile } from "node:fs/promises"

/**
 * A part of containers.conf: the limits of this process, which containers of Buildah and Podman cannot go beyond; they ask
 * for more by default.
 */
export const limits = async (): Promise<string> => {
  const text = await readFile("/proc/self/limits", "utf8")
  const hard = (label: string) => new RegExp(`^${label} +\\S+ +(\\d+)`, "m").exec(text)?.[1]
  const found = Object.entries({ nofile: hard("Max open files"), nproc: hard("Max processes") })
    .flatMap(([name, most]) => most === undefined ? [] : [`${name}=${most}:${most}`])
  return `[containers]\ndefault_ulimits = ${JSON.stringify(found)}\n`
}
