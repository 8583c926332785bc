import { createHash } from "node:crypto"

const algorithms = new Set(["sha256", "sha384", "sha512"])

/** A digest by the algorithm of `like`; by sha256 when that is of an unknown kind. */
export const digestOf = (bytes: Uint8Array, like = "sha256:"): string => {
  const named = like.slice(0, Math.max(like.indexOf(":"), 0))
  const algorithm = algorithms.has(named) ? named : "sha256"
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`
}

/** Whether we can check it. */
export const isKnown = (digest: string): boolean => algorithms.has(digest.slice(0, Math.max(digest.indexOf(":"), 0)))

/** Whether a text is a digest and not a tag. */
export const isDigest = (text: string): boolean => text.includes(":")
