import { assert, describe, it } from "@effect/vitest"
import type { Errors } from "effect-containers"
import { fromCause, fromMessage, fromResponse } from "effect-containers/layers/dockerApi/errors"

type Row = readonly [operation: string, status: number | undefined, words: string, tag: Errors.Reason["_tag"]]

/** The engines' own words, as Docker 20.10, 26.1 and 28.5 and Podman 4 and 5 say them. */
const said: ReadonlyArray<Row> = [
  ["exportImages", 500, "docker.io/library/nope:1: image not known", "NotFound"],
  ["exec", 500, "can only create exec sessions on running containers: container state improper", "Conflict"],
  [
    "remove",
    500,
    "cannot remove container 71 as it is running - running or paused containers cannot be removed without force: container state improper",
    "Conflict"
  ],
  ["copyIn", 500, "invalid symlink \"/srv/up\" -> \"../../file\"", "Unsupported"],
  ["copyOut", 500, "evalSymlinksInScope: too many links in /srv/round", "InvalidArgument"],
  ["copyIn", 500, "extraction point is not a directory", "InvalidArgument"],
  ["copyIn", 500, "copier: put: /etc/passwd (/etc/passwd): exists but is not a directory", "InvalidArgument"],
  ["create", 404, "No such image: busybox:nope", "NotFound"],
  ["create", 400, "invalid mount config for type \"bind\": bind source path does not exist: /nope", "InvalidArgument"],
  [
    "create",
    409,
    "Conflict. The container name \"/a\" is already in use by container \"20b7\". You have to remove (or rename) that container to be able to reuse that name.",
    "AlreadyExists"
  ],
  [
    "create",
    500,
    "the container name \"a\" is already in use by 12ab. You have to remove that container",
    "AlreadyExists"
  ],
  ["create", 400, "the working directory 'relative' is invalid, it needs to be an absolute path", "InvalidArgument"],
  [
    "create",
    404,
    "image with reference busybox:test was found but its platform (linux/amd64) does not match the specified platform (linux/arm64)",
    "NotFound"
  ],
  ["start", 404, "No such container: a", "NotFound"],
  ["start", 404, "failed to set up container networking: network nonet not found", "NotFound"],
  [
    "start",
    500,
    "driver failed programming external connectivity on endpoint a: Bind for 127.0.0.1:80 failed: port is already allocated",
    "Conflict"
  ],
  ["start", 400, "unable to find user nobodyx: no matching entries in passwd file", "InvalidArgument"],
  ["signal", 409, "Cannot kill container: a: Container 4c36 is not running", "Conflict"],
  [
    "signal",
    500,
    "can only kill running containers. 12ab is in state exited: container state improper: is not running",
    "Conflict"
  ],
  ["remove", 409, "removal of container a is already in progress", "Conflict"],
  [
    "removeImage",
    409,
    "conflict: unable to remove repository reference \"busybox:test\" (must force) - container 33d1 is using its referenced image e83b",
    "Conflict"
  ],
  ["logs", 501, "configured logging driver does not support reading", "Unsupported"],
  ["inspect", 404, "page not found", "Unsupported"],
  ["inspect", 400, "client version 1.24 is too old. Minimum supported API version is 1.44", "Unsupported"],
  ["copyIn", 404, "Could not find the file /nodir in container a", "NotFound"],
  ["pull", 404, "manifest for 198.51.100.1:15000/nope:x not found: manifest unknown: manifest unknown", "NotFound"],
  [
    "pull",
    404,
    "pull access denied for nope, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    "NotFound"
  ],
  ["pull", 500, "Get \"http://registry/v2/nope/manifests/x\": no basic auth credentials", "Unauthenticated"],
  ["pull", 500, "unauthorized: authentication required", "Unauthenticated"],
  ["pull", 401, "unauthorized", "Unauthenticated"],
  [
    "pull",
    500,
    "Get \"https://registry/v2/\": dial tcp 198.51.100.1:15009: connect: connection refused",
    "Unavailable"
  ],
  ["pull", 500, "Get \"https://registry/v2/\": dial tcp: lookup registry: no such host", "Unavailable"],
  ["pull", 500, "Get \"https://registry/v2/\": net/http: TLS handshake timeout", "TimedOut"],
  ["pull", 500, "Get \"https://registry/v2/\": dial tcp 198.51.100.9:443: i/o timeout", "TimedOut"],
  ["pull", 429, "toomanyrequests: You have reached your pull rate limit.", "ResourceExhausted"],
  ["pull", undefined, "toomanyrequests: You have reached your pull rate limit.", "ResourceExhausted"],
  ["pull", undefined, "write /var/lib/x: no space left on device", "ResourceExhausted"],
  ["pull", 404, "no matching manifest for linux/s390x in the manifest list entries", "NotFound"],
  ["pull", 500, "Get \"https://r:5000/v2/\": http: server gave HTTP response to HTTPS client", "Protocol"],
  ["pull", 500, "tls: failed to verify certificate: x509: certificate signed by unknown authority", "PermissionDenied"],
  ["build", 400, "dockerfile parse error line 2: unknown instruction: NOPE", "InvalidArgument"],
  ["build", 500, "Cannot locate specified Dockerfile: Nope", "NotFound"],
  ["build", undefined, "manifest for r/nope:x not found: manifest unknown: manifest unknown", "NotFound"],
  [
    "build",
    undefined,
    "COPY failed: file not found in build context or excluded by .dockerignore: stat x: file does not exist",
    "NotFound"
  ],
  ["importImages", undefined, "archive/tar: invalid tar header", "InvalidArgument"],
  ["importImages", 500, "unexpected EOF", "InvalidArgument"],
  ["list", 400, "invalid filter 'nope'", "InvalidArgument"],
  ["inspect", 503, "starting up", "Unavailable"],
  ["inspect", 504, "gateway timeout", "TimedOut"],
  ["inspect", 403, "authorization denied by plugin", "PermissionDenied"],
  ["inspect", 500, "something else", "Internal"]
]

const caused: ReadonlyArray<readonly [code: string | undefined, tag: Errors.Reason["_tag"]]> = [
  ["ECONNREFUSED", "Unavailable"],
  ["ENOENT", "Unavailable"],
  ["ECONNRESET", "Unavailable"],
  ["EPIPE", "Unavailable"],
  ["ENOTFOUND", "Unavailable"],
  [undefined, "Unavailable"],
  ["EACCES", "PermissionDenied"],
  ["ETIMEDOUT", "TimedOut"],
  ["HPE_INVALID_CONSTANT", "Protocol"],
  ["EPROTO", "Protocol"],
  ["EMFILE", "ResourceExhausted"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "Unauthenticated"],
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "Unauthenticated"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "Unauthenticated"]
]

describe("what an engine says", () => {
  for (const [operation, status, words, tag] of said) {
    it(`${operation} ${status ?? "in the stream"}: ${words.slice(0, 70)} -> ${tag}`, () => {
      const error = fromMessage(operation, words, status)
      assert.strictEqual(error._tag, tag)
      assert.strictEqual(error.message, words)
      assert.strictEqual(error.operation, operation)
      assert.strictEqual(error.code, status)
    })
  }

  it("a command that is not there, without the engine's inner life", () => {
    for (
      const words of [
        "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: \"nope\": executable file not found in $PATH",
        "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"nope\": executable file not found in $PATH: unknown"
      ]
    ) {
      const error = fromMessage("start", words, 400)
      assert.strictEqual(error._tag, "NotFound")
      assert.strictEqual(error.message, "exec: \"nope\": executable file not found in $PATH")
    }
    const path = fromMessage(
      "start",
      "OCI runtime: exec: \"/nope/x\": stat /nope/x: no such file or directory: unknown",
      400
    )
    assert.strictEqual(path._tag, "NotFound")
    assert.strictEqual(path.message, "exec: \"/nope/x\": stat /nope/x: no such file or directory")
  })

  it("a command that cannot be executed", () => {
    for (
      const words of [
        "OCI runtime create failed: exec: \"/etc\": is a directory: permission denied",
        "OCI runtime create failed: exec: \"/etc\": permission denied: unknown"
      ]
    ) {
      const error = fromMessage("start", words, 400)
      assert.strictEqual(error._tag, "PermissionDenied")
      assert.match(error.message, /^exec: "\/etc": /)
    }
  })

  it("a missing directory is no missing command", () => {
    const error = fromMessage(
      "start",
      "chdir to cwd (\"/nope\") set in config.json failed: no such file or directory",
      400
    )
    assert.strictEqual(error._tag, "InvalidArgument")
  })

  it("the code of a RUN that failed, of Docker and of Podman", () => {
    const docker = fromMessage("build", "The command '/bin/sh -c exit 7' returned a non-zero code: 7")
    const podman = fromMessage("build", "building at STEP \"RUN exit 7\": while running runtime: exit status 7")
    assert.deepStrictEqual([docker._tag, docker.code], ["Internal", 7])
    assert.deepStrictEqual([podman._tag, podman.code], ["Internal", 7])
  })

  it("a body that is JSON, text, a page, or nothing", () => {
    assert.strictEqual(
      fromResponse("inspect", 404, "{\"message\":\"No such container: a\"}\n").message,
      "No such container: a"
    )
    assert.strictEqual(fromResponse("inspect", 503, "try later\n").message, "try later")
    assert.strictEqual(
      fromResponse("push", 500, "{\"errorDetail\":{\"message\":\"connection refused\"},\"error\":\"x\"}")._tag,
      "Unavailable"
    )
    assert.strictEqual(fromResponse("inspect", 502, "<html><body>Bad gateway</body></html>")._tag, "Protocol")
    assert.strictEqual(fromResponse("inspect", 500, "").message, "the engine answered HTTP 500 and no word more")
    assert.strictEqual(fromResponse("inspect", 302, "")._tag, "Protocol")
  })
})

describe("what a connection says", () => {
  for (const [code, tag] of caused) {
    it(`${code ?? "socket hang up"} -> ${tag}`, () => {
      const cause = Object.assign(new Error("socket hang up"), code === undefined ? {} : { code })
      const error = fromCause("inspect", cause)
      assert.strictEqual(error._tag, tag)
      assert.strictEqual(error.code, code)
      assert.include(error.message, "socket hang up")
    })
  }
})
