/** What an engine tells of a pull, a line each. */
export const pullLines = (count: number): string => {
  const total = 41_943_040
  return Array.from({ length: count }, (_, n) => {
    const id = `${1_000_000 + (n % 8)}a3f5e`
    if (n % 50 === 0) return JSON.stringify({ status: "Pulling fs layer", progressDetail: {}, id })
    if (n % 50 === 49) return JSON.stringify({ status: "Download complete", progressDetail: {}, id })
    const current = Math.floor(total * (n / count))
    return JSON.stringify({
      status: n % 3 === 0 ? "Extracting" : "Downloading",
      progressDetail: { current, total },
      progress: `[=========>                    ]  ${(current / 1e6).toFixed(2)}MB/41.94MB`,
      id
    })
  }).map((line) => `${line}\r\n`).join("")
}
