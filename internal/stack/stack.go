// Package stack makes room on the stacks of goroutines whose work goes deep. It imports nothing of ours.
package stack

// Room is how much a call needs.
type Room interface {
	Some | Much
}

type (
	// Some is enough for a request over HTTP or a query.
	Some = [24 << 10]byte
	// Much is enough for calls through the SDK of Temporal or the interceptors of its server.
	Much = [48 << 10]byte
)

// Grow makes room on the stack for what is called next. A new goroutine has 2 to 8 KB, and the runtime doubles a stack each
// time that it is full, copying it frame by frame: on the way down through SDK, interceptors and HTTP, that was a tenth of
// the CPU of a delivery. Early on there are few frames to copy, and once is enough.
func Grow[T Room]() { use[T](0) }

//go:noinline
func use[T Room](at int) byte {
	var room T // a place that isn't known beforehand, so that the compiler doesn't do without it
	return room[at]
}
