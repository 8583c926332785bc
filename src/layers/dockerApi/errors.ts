import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import { redacted } from "../registry/redact.ts"

export { reason }

type Tag = Errors.Reason["_tag"]

// ---------------------------------------------------------------------------------------------------------------------
// what the engine says
// ---------------------------------------------------------------------------------------------------------------------

interface Rule {
  readonly says: RegExp
  readonly tag: Tag
  readonly hint?: string
  /** Keep only the first group of `says`: what surrounds it is the engine's inner life. */
  readonly trim?: true
}

const command: ReadonlyArray<Rule> = [
  {
    says: /(exec: ".*?": (?:executable file not found in \$PATH|.*no such file or directory))/s,
    tag: "NotFound",
    trim: true
  },
  {
    says: /(exec: ".*?": .*(?:permission denied|is a directory|exec format error))/s,
    tag: "PermissionDenied",
    trim: true
  },
  { says: /exec [^ ]+: (?:exec format error|permission denied)/, tag: "PermissionDenied" },
  { says: /(executable file .* not found(?: in \$PATH)?)|command that was not found/i, tag: "NotFound" },
  { says: /open executable: Permission denied|OCI permission denied/i, tag: "PermissionDenied" }
]

/** A registry's, said by the engine in the name of whoever it spoke to: the HTTP status says nothing about them. */
const registry: ReadonlyArray<Rule> = [
  {
    says: /pull access denied|repository does not exist|manifest unknown|name unknown|manifest for .* not found/i,
    tag: "NotFound"
  },
  { says: /does not exist locally/i, tag: "NotFound" },
  { says: /no matching manifest|does not provide the specified platform/i, tag: "NotFound" },
  {
    says:
      /no basic auth credentials|unauthorized|authentication required|incorrect username or password|invalid username/i,
    tag: "Unauthenticated",
    hint: "give credentials, or log in with the engine's own client"
  },
  { says: /requested access to the resource is denied|access forbidden/i, tag: "PermissionDenied" },
  { says: /toomanyrequests|too many requests|rate limit/i, tag: "ResourceExhausted", hint: "try again later" },
  {
    says: /verification failed for digest|digest did not match|unexpected commit digest/i,
    tag: "Protocol",
    hint: "the registry gave other bytes than those that were asked for"
  },
  {
    says: /server gave HTTP response to HTTPS client/i,
    tag: "Protocol",
    hint: "the registry speaks plain HTTP: add it to the engine's insecure registries"
  },
  {
    says: /x509:|certificate signed by unknown authority|tls: failed to verify/i,
    tag: "PermissionDenied",
    hint: "the engine does not trust the registry's certificate: give the engine its CA"
  },
  { says: /i\/o timeout|Client\.Timeout|deadline exceeded|TLS handshake timeout|timed? ?out/i, tag: "TimedOut" },
  {
    says:
      /connection refused|connection reset|no such host|network is unreachable|no route to host|server misbehaving|temporary failure in name resolution|unexpected EOF|: EOF$/i,
    tag: "Unavailable",
    hint: "the engine cannot reach the registry"
  }
]

const general: ReadonlyArray<Rule> = [
  { says: /no space left on device|disk quota exceeded/i, tag: "ResourceExhausted", hint: "the engine's disk is full" },
  { says: /cannot allocate memory|too many open files/i, tag: "ResourceExhausted" },
  {
    says: /container name .*already in use|name .* is in use|volume name .* already|network already exists/i,
    tag: "AlreadyExists"
  },
  { says: /port is already allocated|address already in use/i, tag: "Conflict", hint: "the host port is taken" },
  { says: /client version .* is too (?:new|old)/i, tag: "Unsupported", hint: "the engine speaks other API versions" },
  { says: /^page not found$|does not support reading|cannot read logs|not supported/i, tag: "Unsupported" },
  {
    says: /container state improper|is not running|is not paused|is (?:already )?paused|is restarting/i,
    tag: "Conflict"
  },
  {
    says:
      /no such (?:container|image|exec|network|volume)|network .* not found|image not known|could not find the file/i,
    tag: "NotFound"
  },
  { says: /invalid symlink /i, tag: "Unsupported" },
  {
    says: /exists but is not a directory|extraction point is not a directory|evalSymlinksInScope: too many links/i,
    tag: "InvalidArgument"
  }
]

const build: ReadonlyArray<Rule> = [
  {
    says: /parse error|unknown instruction|no build stage|file with no instructions|cannot be empty/i,
    tag: "InvalidArgument"
  },
  {
    says: /cannot locate specified dockerfile|no such file or directory|file not found in build context|not found/i,
    tag: "NotFound"
  }
]

const archive: ReadonlyArray<Rule> = [
  {
    says:
      /invalid tar header|archive\/tar|unexpected EOF|unrecognized image format|payload does not match|invalid archive/i,
    tag: "InvalidArgument",
    hint: "this is no image archive, or not a whole one"
  }
]

const byStatus = (status: number): Tag => {
  switch (status) {
    case 400:
    case 406:
    case 413:
    case 422:
      return "InvalidArgument"
    case 401:
      return "Unauthenticated"
    case 403:
      return "PermissionDenied"
    case 404:
      return "NotFound"
    case 408:
    case 504:
      return "TimedOut"
    case 409:
      return "Conflict"
    case 429:
      return "ResourceExhausted"
    case 501:
      return "Unsupported"
    case 502:
    case 503:
      return "Unavailable"
    default:
      return status >= 500 ? "Internal" : "Protocol"
  }
}

/** Which rules hold for an operation, in order. */
const rulesOf = (operation: string): ReadonlyArray<Rule> => {
  switch (operation) {
    case "start":
    case "exec":
      return [...command, ...general]
    case "pull":
    case "push":
      return [...general, ...registry]
    case "build":
      return [...general, ...registry, ...build]
    case "importImages":
      return [...general, ...archive]
    default:
      return general
  }
}

const table = new Map<string, ReadonlyArray<Rule>>()

const rules = (operation: string): ReadonlyArray<Rule> => {
  const known = table.get(operation) ?? rulesOf(operation)
  table.set(operation, known)
  return known
}

const tidy = (message: string): string => message.trim().replace(/: unknown$/, "")

/**
 * What the engine's own words mean. `status` is that of the response, absent for an error inside of a stream.
 */
export const fromMessage = (operation: string, text: string, status?: number | undefined): Errors.Reason => {
  const message = redacted(tidy(text), [])
  // Docker says how a RUN ended in words only.
  const exit = operation === "build"
    ? /returned a non-zero code: (\d+)|exit status (\d+)|exit code: (\d+)/.exec(message)
    : null
  if (exit !== null) return reason("Internal", { operation, message, code: Number(exit[1] ?? exit[2] ?? exit[3]) })
  for (const rule of rules(operation)) {
    const found = rule.says.exec(message)
    if (found === null) continue
    return reason(rule.tag, {
      operation,
      message: rule.trim === true ? found[1] ?? message : message,
      hint: rule.hint,
      code: status
    })
  }
  return reason(status === undefined ? "Internal" : byStatus(status), {
    operation,
    message: message !== ""
      ? message
      : status === undefined
      ? "the engine reported an error without saying which"
      : `the engine answered HTTP ${status} and no word more`,
    code: status
  })
}

/** The words of `{"message": "..."}`, or of what an engine says where it had begun to tell of a transfer. */
const wordsOf = (json: object): unknown =>
  "message" in json
    ? json.message
    : "errorDetail" in json && typeof json.errorDetail === "object" && json.errorDetail !== null
        && "message" in json.errorDetail
    ? json.errorDetail.message
    : "error" in json
    ? json.error
    : "cause" in json
    ? json.cause
    : undefined

/** A response that says no: its status and its body, which is JSON where an engine wrote it. */
export const fromResponse = (operation: string, status: number, body: string): Errors.Reason => {
  let message: string | undefined
  try {
    const json: unknown = JSON.parse(body)
    if (typeof json === "object" && json !== null) {
      const said = wordsOf(json)
      if (typeof said === "string") message = said
    }
  } catch {
    // Not JSON: a proxy's page, or plain text of an old engine.
  }
  if (message !== undefined) return fromMessage(operation, message, status)
  const text = body.trim()
  return /^<|\0/.test(text) || text.length > 500
    ? reason("Protocol", {
      operation,
      message: `HTTP ${status} with a body that is not an engine's: ${JSON.stringify(text.slice(0, 100))}`,
      code: status
    })
    : fromMessage(operation, text, status)
}

// ---------------------------------------------------------------------------------------------------------------------
// what the connection says
// ---------------------------------------------------------------------------------------------------------------------

const codeOf = (cause: unknown): string | undefined =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string"
    ? cause.code
    : undefined

const byCode = (code: string): Tag => {
  switch (code) {
    case "EACCES":
    case "EPERM":
      return "PermissionDenied"
    case "ETIMEDOUT":
      return "TimedOut"
    case "ENOTSOCK":
    case "EPROTO":
    case "EPROTOTYPE":
      return "Protocol"
    case "EMFILE":
    case "ENFILE":
      return "ResourceExhausted"
    case "ERR_INVALID_ARG_VALUE":
    case "ERR_INVALID_CHAR":
    case "ERR_UNESCAPED_CHARACTERS":
    case "ENAMETOOLONG":
      return "InvalidArgument"
    default:
      return code.startsWith("HPE_")
        ? "Protocol"
        : /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL_.*ALERT/.test(code)
        ? "Unauthenticated"
        : code.startsWith("ERR_SSL")
        ? "Protocol"
        : "Unavailable"
  }
}

const hints: { readonly [T in Tag]?: string } = {
  PermissionDenied: "on Linux, users of the group docker may open the socket",
  Unauthenticated: "check the TLS material: ca, cert and key",
  Unavailable: "is the engine running?"
}

/** A request that got no answer, or lost it half-way. */
export const fromCause = (operation: string, cause: unknown): Errors.Reason => {
  const code = codeOf(cause)
  const message = cause instanceof Error && cause.message !== "" ? cause.message : code ?? "the connection failed"
  const tag = code === undefined ? "Unavailable" : byCode(code)
  return reason(tag, {
    operation,
    message: tag === "Protocol" ? `the answer is not an engine's: ${message}` : message,
    hint: hints[tag],
    code,
    // A parser's error holds the bytes that it could not read: they are nobody's business.
    cause: tag === "Protocol" ? undefined : cause
  })
}

/** The connection was closed in the middle of an answer. */
export const cut = (operation: string): Errors.Unavailable =>
  reason("Unavailable", { operation, message: "the connection was closed before the end of the engine's answer" })

/** No answer within the deadline, in milliseconds. */
export const late = (operation: string, deadline: number): Errors.TimedOut =>
  reason("TimedOut", { operation, message: `no answer within ${deadline} ms` })
