/**
 * Names of images, as the distribution project's grammar has them: `[domain[:port]/]path[:tag][@digest]`.
 *
 * **Example** (Short and full names)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Reference } from "effect-containers"
 *
 * const reference = await Effect.runPromise(Reference.parse("gcc:14"))
 * reference.canonical // => "docker.io/library/gcc:14"
 * reference.familiar // => "gcc:14"
 * reference.domain // => "docker.io"
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Errors from "./Errors.ts"

const defaultDomain = "docker.io"
const legacyDomain = "index.docker.io"
const official = "library/"
const longestPath = 255
const longestTag = 128

// ---------------------------------------------------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------------------------------------------------

/**
 * A name of an image, taken apart and completed: the domain is always there, and so is `library/` for Docker Hub's
 * official images. Made by {@link parse}; the constructor does not check the grammar.
 *
 * @category models
 * @since 0.1.0
 */
export class Reference extends Schema.Class<Reference>("effect-containers/Reference")({
  /** The registry, with its port if it has one: `"docker.io"`, `"localhost:5000"`, `"[::1]:5000"`. */
  domain: Schema.String,
  /** The repository within the registry: `"library/gcc"`. */
  path: Schema.String,
  /** `"14"`; absent when the reference has none. */
  tag: Schema.optionalKey(Schema.String),
  /** `"sha256:..."`; absent when the reference has none. */
  digest: Schema.optionalKey(Schema.String)
}) {
  /** The full name without tag and digest: `docker.io/library/gcc`. */
  get name(): string {
    return `${this.domain}/${this.path}`
  }

  /** The whole reference, nothing left out: `docker.io/library/gcc:14`. */
  get canonical(): string {
    return this.name + suffix(this)
  }

  /**
   * The reference as Docker shows it, without what is understood: `gcc:14`. It parses to the same reference again: where
   * the short form would be read in another way, this is the {@link Reference.canonical} one.
   */
  get familiar(): string {
    if (this.domain !== defaultDomain) return this.canonical
    const inner = this.path.slice(official.length)
    const path = this.path.startsWith(official) && !inner.includes("/") ? inner : this.path
    const short = path + suffix(this)
    const again = split(short)
    return again.domain === this.domain && again.rest === this.path + suffix(this) && !isHex64(short)
      ? short
      : this.canonical
  }

  /** The {@link Reference.canonical} one. */
  override toString(): string {
    return this.canonical
  }
}

const suffix = (self: { readonly tag?: string; readonly digest?: string }): string =>
  (self.tag === undefined ? "" : `:${self.tag}`) + (self.digest === undefined ? "" : `@${self.digest}`)

/**
 * The same reference, with the tag `latest` if it had neither a tag nor a digest: what engines pull.
 *
 * **Example** (What a bare name means)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Reference } from "effect-containers"
 *
 * const canonical = (text: string) =>
 *   Effect.runPromise(Effect.map(Reference.parse(text), (reference) => Reference.withDefaultTag(reference).canonical))
 * await canonical("gcc") // => "docker.io/library/gcc:latest"
 * await canonical("localhost:5000/gcc:14") // => "localhost:5000/gcc:14"
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const withDefaultTag = (self: Reference): Reference =>
  self.tag === undefined && self.digest === undefined
    ? new Reference({ domain: self.domain, path: self.path, tag: "latest" })
    : self

// ---------------------------------------------------------------------------------------------------------------------
// parsing
// ---------------------------------------------------------------------------------------------------------------------

const isHex64 = (text: string): boolean => /^[a-f0-9]{64}$/.test(text)

/** Where the domain ends: by its looks, since `a/b` may be a path on the default domain. */
const split = (text: string): { readonly domain: string; readonly rest: string } => {
  const slash = text.indexOf("/")
  if (slash < 0) return { domain: defaultDomain, rest: official + text }
  const first = text.slice(0, slash)
  const after = text.slice(slash + 1)
  const isDomain = first === "localhost" || /[.:]/.test(first) || first.toLowerCase() !== first
  const domain = !isDomain || first === legacyDomain ? defaultDomain : first
  const rest = isDomain ? after : text
  return { domain, rest: domain === defaultDomain && !rest.includes("/") ? official + rest : rest }
}

const checkDomain = (domain: string): string | undefined => {
  const parts = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(domain)
  const quoted = JSON.stringify(domain)
  if (parts === null) return `the registry ${quoted} must be a host, with ":" and a port if need be`
  const [, host = "", port] = parts
  if (port !== undefined && !/^[0-9]+$/.test(port)) {
    return `the port of the registry ${quoted} must be a number, such as 5000`
  }
  if (host.startsWith("[")) {
    return /^\[[a-fA-F0-9:]+\]$/.test(host)
      ? undefined
      : `the registry ${quoted} must be an IPv6 address within its brackets, such as [::1]`
  }
  return host.split(".").every((label) =>
      /^[a-zA-Z0-9-]+$/.test(label) && !label.startsWith("-") && !label.endsWith("-")
    )
    ? undefined
    : `the registry ${quoted} must be made of letters, digits and inner "-", with "." between its parts`
}

const checkPath = (path: string): string | undefined => {
  if (path === "" || path === official) return "the name is empty: write one, such as gcc or registry.example/team/app"
  // first of all, so that a hostile name costs no more than its length
  if (path.length > longestPath) {
    return `the name has ${path.length} characters, and the most that it can have is ${longestPath}`
  }
  if (path.toLowerCase() !== path) {
    return `the name ${JSON.stringify(path)} must be lowercase: write ${JSON.stringify(path.toLowerCase())}`
  }
  for (const component of path.split("/")) {
    if (component === "") return `the name ${JSON.stringify(path)} must not begin or end with "/" or have two in a row`
    if (!/^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/.test(component)) {
      return `${JSON.stringify(component)} must be made of a-z and 0-9, with ".", "_", "__" or "-" only between them`
    }
  }
  return undefined
}

const checkTag = (tag: string): string | undefined => {
  if (tag === "") return `the tag after ":" is empty: write one, such as :latest, or leave out the ":"`
  if (tag.length > longestTag) {
    return `the tag has ${tag.length} characters, and the most that it can have is ${longestTag}`
  }
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(tag)
    ? undefined
    : `the tag ${JSON.stringify(tag)} must be made of letters, digits, "_", "." and "-", and not begin with "." or "-"`
}

const digestLengths: ReadonlyMap<string, number> = new Map([["sha256", 64], ["sha384", 96], ["sha512", 128]])

const checkDigest = (digest: string): string | undefined => {
  const colon = digest.indexOf(":")
  const length = digestLengths.get(digest.slice(0, Math.max(colon, 0)))
  if (length === undefined) {
    return `the digest after "@" must begin with sha256:, sha384: or sha512:, not ${JSON.stringify(digest)}`
  }
  const hex = digest.slice(colon + 1)
  return hex.length === length && /^[a-f0-9]+$/.test(hex)
    ? undefined
    : `the digest after "@" must have ${length} digits of 0-9 and a-f after ${digest.slice(0, colon + 1)}`
}

const read = (text: string): Reference | string => {
  if (text === "") return "is empty: write the name of an image, such as gcc:14"
  if (isHex64(text)) {
    return `is 64 hexadecimal digits, which is the id of an image and not a name: write sha256:${text} where an id is meant`
  }
  const odd = /[^\x21-\x7e]/u.exec(text)
  if (odd !== null) return `contains ${JSON.stringify(odd[0])}: only visible ASCII characters may be in it`
  const at = text.indexOf("@")
  const named = at < 0 ? text : text.slice(0, at)
  const digest = at < 0 ? undefined : text.slice(at + 1)
  const { domain, rest } = split(named)
  const colon = rest.indexOf(":")
  const path = colon < 0 ? rest : rest.slice(0, colon)
  const tag = colon < 0 ? undefined : rest.slice(colon + 1)
  const issue = checkDomain(domain) ??
    checkPath(path) ??
    (tag === undefined ? undefined : checkTag(tag)) ??
    (digest === undefined ? undefined : checkDigest(digest))
  return issue ?? new Reference({
    domain,
    path,
    ...(tag === undefined ? undefined : { tag }),
    ...(digest === undefined ? undefined : { digest })
  })
}

/**
 * How much of a refused text an error repeats: it is meant to be read.
 */
const shown = (text: string): string => text.length > 300 ? `${text.slice(0, 300)}...` : text

/**
 * Reads a reference: {@link parse} as a plain value.
 *
 * **Example** (What is wrong, and what to write instead)
 *
 * ```ts import.meta.vitest
 * import { Result } from "effect"
 * import { Reference } from "effect-containers"
 *
 * const refused = Result.flip(Reference.parseResult("docker.io/GCC"))
 * Result.getOrThrow(refused).issue // => `the name "library/GCC" must be lowercase: write "library/gcc"`
 * ```
 *
 * @category parsing
 * @since 0.1.0
 */
export const parseResult = (text: string): Result.Result<Reference, Errors.ImageOptions> => {
  const parsed = read(text)
  return typeof parsed === "string"
    ? Result.fail(new Errors.ImageOptions({ image: shown(text), field: "reference", issue: shown(parsed) }))
    : Result.succeed(parsed)
}

/**
 * Reads a reference as Docker and its kin do: without a domain it is on `docker.io`, there without a namespace in
 * `library/`; `index.docker.io` is `docker.io`. What comes before the first `/` is a domain if it is `localhost`, or
 * contains a `.`, a `:` or an uppercase letter. A tag and a digest may both be given. Neither is added: see
 * {@link withDefaultTag}.
 *
 * Follows the grammar of distribution/reference 0.6: the path has 255 characters at most, the tag 128, digests are
 * `sha256`, `sha384` or `sha512` in lowercase.
 *
 * Fails with `ImageOptions`, field `"reference"`, whose issue says which rule is broken.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parse = (text: string): Effect.Effect<Reference, Errors.ImageOptions> =>
  Effect.suspend(() => Effect.fromResult(parseResult(text)))

/**
 * Whether a text is an image's id and not its name: `sha256:` and 64 hexadecimal digits, or 12 to 64 of them. Such a text
 * without the `sha256:` may be a name as well (`deadbeefcafe`), unless it has all 64.
 *
 * **Example** (Ids and names)
 *
 * ```ts import.meta.vitest
 * import { Reference } from "effect-containers"
 *
 * Reference.isId("9b4a3f1c2d5e") // => true
 * Reference.isId(`sha256:${"0".repeat(64)}`) // => true
 * Reference.isId("gcc:14") // => false
 * ```
 *
 * @category guards
 * @since 0.1.0
 */
export const isId = (text: string): boolean => /^(?:sha256:[a-f0-9]{64}|[a-f0-9]{12,64})$/.test(text)
