package app

import "runtime"

// ballast is how many bytes of garbage there may be beside as much as is in use, until it is collected. Go allows for the
// latter only: durahook has little in use, so that a tenth of its CPU for a delivery went into collecting more often.
// Unlike a higher GOGC, this doesn't grow with what is in use.
const ballast = 32 << 20

// withBallast calls f while that many bytes of the heap are reserved. Nobody writes to them, so they take no memory.
func withBallast(f func() error) error {
	reserved := make([]byte, ballast)
	defer runtime.KeepAlive(reserved)
	return f()
}
