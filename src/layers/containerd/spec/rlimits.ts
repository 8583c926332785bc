import type { Ulimit } from "../../../ContainerConfig.ts"
import type { Process, Rlimit, Spec } from "./model.ts"

/** RLIM_INFINITY of getrlimit(2), which is more than a number of ours holds. */
const infinity = "18446744073709551615"

const unlimited = -1

const limitOf = (limit: Ulimit["soft"]): number => limit === "unlimited" ? unlimited : limit

/** As the OCI runtime specification names them. */
export const rlimits = (ulimits: ReadonlyArray<Ulimit>): ReadonlyArray<Rlimit> =>
  ulimits.map(({ hard, name, soft }) => ({
    type: `RLIMIT_${name.toUpperCase()}`,
    soft: limitOf(soft),
    hard: limitOf(hard)
  }))

/** What was read back, with what is over all numbers as no limit. */
export const fromJson = (rlimits: ReadonlyArray<Rlimit>): ReadonlyArray<Rlimit> => {
  const read = (limit: number) => limit >= Number(infinity) ? unlimited : limit
  return rlimits.map(({ hard, soft, type }) => ({ type, soft: read(soft), hard: read(hard) }))
}

/** A specification as bytes. Nothing else has keys of these names: within a text, quotes are escaped. */
export const encode = (spec: Spec | Process): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(spec).replaceAll(/"(soft|hard)":-1(?=[,}])/g, `"$1":${infinity}`))
