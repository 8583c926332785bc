const t=process.cpuUsage(); const b = process.memoryUsage()
for (const m of process.argv.slice(2)) await import(m)
const d=process.cpuUsage(t), a = process.memoryUsage()
console.log(process.argv.slice(2).join(" + ").padEnd(60), "cpu", ((d.user+d.system)/1000).toFixed(0).padStart(4), "rss", (a.rss/1e6).toFixed(0), "heap +", ((a.heapUsed-b.heapUsed)/1e6).toFixed(1))
