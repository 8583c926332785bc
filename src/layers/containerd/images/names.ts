import * as Result from "effect/Result"
import * as Reference from "../../../Reference.ts"

/** Says in a blob's labels in which repositories of a registry it is. */
const sourcePrefix = "containerd.io/distribution.source."

/** A name as containerd has it, as the user writes it. */
export const familiar = (name: string): string =>
  Result.match(Reference.parseResult(name), { onSuccess: (reference) => reference.familiar, onFailure: () => name })

/** Whether it is a name, and not the digest that stands for one. */
export const isName = (name: string): boolean => !/^sha256:[a-f0-9]{64}$/.test(name)

/** Whether a name is one by digest. */
export const isByDigest = (name: string): boolean => name.includes("@")

/** What pulling a reference calls the image: what is asked for by digest is nothing else. */
export const canonical = (reference: Reference.Reference): string =>
  reference.digest === undefined
    ? Reference.withDefaultTag(reference).canonical
    : `${reference.name}@${reference.digest}`

export const sourceLabel = (domain: string): string => sourcePrefix + domain

const pathsOf = (value: string | undefined): ReadonlyArray<string> =>
  (value ?? "").split(",").filter((path) => path !== "")

/** The labels that name one more repository; none when it is named already. */
export const withSource = (
  labels: Readonly<Record<string, string>>,
  { domain, path }: Reference.Reference
): Readonly<Record<string, string>> => {
  const key = sourceLabel(domain)
  const paths = pathsOf(labels[key])
  if (paths.includes(path)) return {}
  const value = [...paths, path].join(",")
  // The engine takes no longer ones.
  return key.length + value.length > 4096 ? { [key]: path } : { [key]: value }
}

/** The labels that name one repository less. */
export const withoutSource = (
  labels: Readonly<Record<string, string>>,
  { domain, path }: Reference.Reference
): Readonly<Record<string, string>> => {
  const key = sourceLabel(domain)
  const paths = pathsOf(labels[key])
  return paths.includes(path) ? { [key]: paths.filter((other) => other !== path).join(",") } : {}
}

/** The paths of a registry's repositories that have a blob. */
export const sourcesAt = (labels: Readonly<Record<string, string>>, domain: string): ReadonlyArray<string> =>
  pathsOf(labels[sourceLabel(domain)])

/** The full names, without tag and digest, of all repositories that have a blob. */
export const sources = (labels: Readonly<Record<string, string>>): ReadonlyArray<string> =>
  Object.entries(labels).flatMap(([key, value]) =>
    key.startsWith(sourcePrefix) ? pathsOf(value).map((path) => `${key.slice(sourcePrefix.length)}/${path}`) : []
  )
