import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import { redacted } from "./redact.ts"

type Tag = Errors.Reason["_tag"]

/** For which operation a registry is asked. */
export type Operation = "pull" | "push"

/** What errors name. */
export interface Subject {
  readonly operation: Operation
  /** The image, or what of it is asked for. */
  readonly image: string
  /** Who is asked: `registry-1.docker.io`. */
  readonly host: string
}

/** Something that is not the registry's protocol. */
export const odd = ({ host, image, operation }: Subject, what: string, hint?: string): Errors.Protocol =>
  reason("Protocol", { operation, message: `${image}: ${host} ${what}`, hint })

// ---------------------------------------------------------------------------------------------------------------------
// what the registry says
// ---------------------------------------------------------------------------------------------------------------------

/** The distribution specification's codes that say more than the status does. */
const byCode: Readonly<Record<string, Tag>> = {
  BLOB_UNKNOWN: "NotFound",
  MANIFEST_UNKNOWN: "NotFound",
  MANIFEST_BLOB_UNKNOWN: "NotFound",
  NAME_UNKNOWN: "NotFound",
  NOT_FOUND: "NotFound",
  TOOMANYREQUESTS: "ResourceExhausted",
  UNAUTHORIZED: "Unauthenticated",
  DENIED: "PermissionDenied",
  UNSUPPORTED: "Unsupported",
  UNAVAILABLE: "Unavailable",
  DIGEST_INVALID: "InvalidArgument",
  SIZE_INVALID: "InvalidArgument",
  NAME_INVALID: "InvalidArgument",
  TAG_INVALID: "InvalidArgument",
  MANIFEST_INVALID: "InvalidArgument"
}

const byStatus = (status: number): Tag => {
  switch (status) {
    case 400:
    case 413:
    case 422:
      return "InvalidArgument"
    case 401:
    case 407:
      return "Unauthenticated"
    case 403:
      return "PermissionDenied"
    case 404:
    case 410:
      return "NotFound"
    case 405:
    case 501:
      return "Unsupported"
    case 408:
    case 504:
      return "TimedOut"
    case 409:
      return "Conflict"
    case 429:
    case 507:
      return "ResourceExhausted"
    default:
      return status >= 500 ? "Unavailable" : "Protocol"
  }
}

const hints: { readonly [T in Tag]?: string } = {
  Unauthenticated: "give credentials, or log in with the engine's own client",
  PermissionDenied: "these credentials may not do this, or none were given",
  ResourceExhausted: "try again later"
}

/** Of a refusal's own words, as many as fit into an error: characters. */
const longest = 500

interface Said {
  readonly codes: ReadonlyArray<string>
  readonly text: string
}

const string = (value: unknown): string | undefined => typeof value === "string" && value !== "" ? value : undefined

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null && name in value ? Reflect.get(value, name) : undefined

/** `{"errors": [{"code", "message"}]}`, or what token services and proxies say in its place. */
const read = (body: string): Said => {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    const text = body.trim()
    // A page is for browsers.
    return { codes: [], text: /^<|[^\x20-\x7e\s]/.test(text) ? "" : text }
  }
  const errors = field(json, "errors")
  if (Array.isArray(errors) && errors.length > 0) {
    const codes = errors.flatMap((error) => string(field(error, "code")) ?? [])
    const texts = errors.map((error) =>
      [string(field(error, "code")), string(field(error, "message"))].filter((part) => part !== undefined).join(": ")
    )
    return { codes, text: texts.filter((text) => text !== "").join("; ") }
  }
  const text = string(field(json, "error_description")) ?? string(field(json, "message")) ??
    string(field(json, "details")) ?? string(field(json, "error"))
  return { codes: [], text: text ?? "" }
}

/** Neither a line's end nor a secret that was sent may come back in an error. */
const tidy = (text: string, secrets: ReadonlyArray<string>): string => {
  const clean = redacted(text.replace(/\s+/g, " ").trim(), secrets)
  return clean.length > longest ? `${clean.slice(0, longest)}...` : clean
}

/** An answer that says no. */
export const refused = (
  subject: Subject,
  answer: { readonly status: number; readonly body: string; readonly secrets: ReadonlyArray<string> },
  as?: { readonly tag?: Tag; readonly hint?: string }
): Errors.Reason => {
  const { body, secrets, status } = answer
  const { codes, text } = read(body)
  const code = codes.find((code) => Object.hasOwn(byCode, code))
  // What a status of 5xx says is about the server, whatever it writes.
  const known = code === undefined || status >= 500 || status === 403 || status === 429 ? undefined : byCode[code]
  const overTls = /HTTP request to an HTTPS server/i.test(body)
  const tag = overTls ? "Protocol" : as?.tag ?? known ?? byStatus(status)
  const { host, image, operation } = subject
  const words = tidy(text, secrets)
  return reason(tag, {
    operation,
    message: `${image}: ${host} answered HTTP ${status}${words === "" ? "" : `: ${words}`}`,
    hint: overTls
      ? `${host} speaks HTTPS: do not set plainHttp for it`
      : as?.hint ?? hints[tag],
    code: status
  })
}

// ---------------------------------------------------------------------------------------------------------------------
// what the connection says
// ---------------------------------------------------------------------------------------------------------------------

const codeOf = (cause: unknown): string | undefined => string(field(cause, "code"))

const messageOf = (cause: unknown): string => {
  // Several addresses were tried.
  const errors = field(cause, "errors")
  if (Array.isArray(errors) && errors.length > 0) return errors.map(messageOf).join("; ")
  return cause instanceof Error && cause.message !== "" ? cause.message : codeOf(cause) ?? "the connection failed"
}

const isUntrusted = (code: string): boolean => /CERT|SELF_SIGNED|UNABLE_TO_/.test(code)

/** A request that got no answer, or lost it half-way. */
export const broken = (subject: Subject, cause: unknown): Errors.Reason => {
  const { host, image, operation } = subject
  const code = codeOf(cause) ?? ""
  const message = messageOf(cause)
  if (code.startsWith("HPE_")) {
    return odd(subject, `does not answer in HTTP (${code})`, `if ${host} speaks HTTPS, do not set plainHttp for it`)
  }
  if (/wrong version number|packet length too long|http request/i.test(message)) {
    return odd(subject, "does not speak TLS", `if it speaks plain HTTP, set plainHttp for ${host}`)
  }
  if (isUntrusted(code)) {
    return reason("PermissionDenied", {
      operation,
      message: `${image}: the certificate of ${host} is not trusted: ${message}`,
      hint: `give the certificate authority of ${host} as its ca`,
      code
    })
  }
  if (code === "ERR_INVALID_CHAR" || code === "ERR_UNESCAPED_CHARACTERS") {
    return reason("InvalidArgument", { operation, message: `${image}: ${host} cannot be asked for this`, code })
  }
  if (code === "EMFILE" || code === "ENFILE") {
    return reason("ResourceExhausted", { operation, message: `${image}: ${host}: ${message}`, code })
  }
  return reason("Unavailable", {
    operation,
    message: `${image}: ${host}: ${message}`,
    hint: "is the registry there, and does this machine reach it?",
    code: code === "" ? undefined : code
  })
}

/** The connection was closed in the middle of an answer. */
export const cut = ({ host, image, operation }: Subject): Errors.Unavailable =>
  reason("Unavailable", { operation, message: `${image}: ${host} closed the connection before the end of its answer` })

/** Milliseconds went by without a connection. */
export const unreachable = ({ host, image, operation }: Subject, deadline: number): Errors.Unavailable =>
  reason("Unavailable", {
    operation,
    message: `${image}: no connection to ${host} within ${deadline} ms`,
    hint: "is the registry there, and does this machine reach it?"
  })

/** Milliseconds went by without an answer, or without more of it. */
export const late = ({ host, image, operation }: Subject, deadline: number): Errors.TimedOut =>
  reason("TimedOut", { operation, message: `${image}: nothing from ${host} for ${deadline} ms` })
