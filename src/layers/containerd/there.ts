import { codeOf } from "./errors.ts"

/** What the system says of a path, or of a process in `/proc`, that is not there. */
const absent = new Set(["ENOENT", "ENOTDIR", "ESRCH"])

/** Whether a failure says that something is not there, and nothing else. */
export const isAbsent = (cause: unknown): boolean => absent.has(codeOf(cause) ?? "")

/** What a look finds, or `undefined` if it is not there. What could not be looked at may well be there: that rejects. */
export const ifThere = async <A>(look: Promise<A>): Promise<A | undefined> => {
  try {
    return await look
  } catch (cause) {
    if (isAbsent(cause)) return undefined
    throw cause
  }
}
