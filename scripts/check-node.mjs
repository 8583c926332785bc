// Refuses to go on under a Node that is too old. Written so that old ones can read it.
var have = process.versions.node.split(".").map(Number)
if (have[0] < 22 || (have[0] === 22 && have[1] < 19)) {
  process.stderr.write(
    "effect-containers needs Node 22.19 or newer and this is " + process.version
      + ": run it as an npm script after `npm ci`, which brings the Node that the project pins.\n"
  )
  process.exit(1)
}
