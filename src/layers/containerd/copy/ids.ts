import { readFile } from "node:fs/promises"

interface Range {
  readonly inside: number
  readonly outside: number
  readonly length: number
}

/** The numbers of users, or of groups, of a container and of the host: they differ where it has a user namespace. */
export interface Ids {
  /** A number that the container does not have is nobody's there. */
  readonly inside: (outside: number) => number
  /** `undefined`: the host has none for it. */
  readonly outside: (inside: number) => number | undefined
}

/** The kernel's overflow id. */
const nobody = 65534

/** Reads the format of `/proc/<pid>/uid_map`. */
export const parse = (map: string): Ids => {
  const ranges = map.split("\n").flatMap((line): ReadonlyArray<Range> => {
    const [inside, outside, length] = line.trim().split(/\s+/).map(Number)
    return inside === undefined || outside === undefined || length === undefined ? [] : [{ inside, outside, length }]
  })
  return {
    inside: (id) => {
      const range = ranges.find(({ length, outside }) => id >= outside && id < outside + length)
      return range === undefined ? nobody : id - range.outside + range.inside
    },
    outside: (id) => {
      const range = ranges.find(({ inside, length }) => id >= inside && id < inside + length)
      return range === undefined ? undefined : id - range.inside + range.outside
    }
  }
}

/**
 * For who is root there and not here: what is his here is root's there, since he can give it to nobody else.
 */
export const ofUser = (ids: Ids, own: number): Ids =>
  own === 0 || ids.outside(0) !== own ? ids : { ...ids, outside: (id) => ids.outside(id === own ? 0 : id) }

export const same: Ids = { inside: (id) => id, outside: (id) => id }

export const read = async (path: string): Promise<Ids> => parse(await readFile(path, "utf8"))
