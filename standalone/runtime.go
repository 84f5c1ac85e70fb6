package main

import (
	"os"
	"runtime/debug"
)

// tuneRuntime is for a process with Temporal in it. It lets the heap grow to four times what is in use before garbage is
// collected, where Go would collect at twice: a delivery makes half a megabyte of garbage and leaves little behind, so
// collecting is a tenth of its cost. Memory in use is small beside that of Postgres. GOGC in the environment counts for more.
func tuneRuntime() {
	const percent = 300
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
