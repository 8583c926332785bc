/** The frames of Docker's attach, by a loop that knows that it has all of them. */
export const separate = (all: Buffer): { readonly stdout: string; readonly stderr: string } => {
  let stdout = ""
  let stderr = ""
  for (let at = 0; at < all.length;) {
    const end = at + 8 + all.readUInt32BE(at + 4)
    const text = all.toString("utf8", at + 8, end)
    if (all[at] === 2) stderr += text
    else stdout += text
    at = end
  }
  return { stdout, stderr }
}
