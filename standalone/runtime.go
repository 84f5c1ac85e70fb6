package main

import (
	"os"
	"runtime/debug"
)

// How much of what is in use the heap may grow by until garbage is collected, in percent; Go has 100. A delivery makes half
// a megabyte of garbage and leaves little behind, so that collecting was a tenth of its cost. Beside Temporal, which the most
// of it is of and which keeps some 100 MB in use, it may grow by more.
const (
	garbage             = 300
	garbageWithTemporal = 500
)

// collectAt has garbage collected when the heap has grown so much. GOGC in the environment counts for more.
func collectAt(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
