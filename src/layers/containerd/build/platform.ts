import * as Platform from "../images/platform.ts"
import type { Variables } from "./expand.ts"

/** What every `FROM` knows of the machine that builds and the one that it builds for. */
export const variables = (platform: string | undefined): Variables => {
  const said = (prefix: string, { architecture, os, variant = "" }: Platform.Platform) => ({
    [`${prefix}PLATFORM`]: Platform.format({ os, architecture, variant }),
    [`${prefix}OS`]: os,
    [`${prefix}ARCH`]: architecture,
    [`${prefix}VARIANT`]: variant
  })
  return {
    ...said("BUILD", Platform.own),
    ...said("TARGET", platform === undefined ? Platform.own : Platform.parse(platform))
  }
}
