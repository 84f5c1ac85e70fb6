package temporalserver

// stackOfACall is more than a call uses, down to the database. The deepest ones of a delivery use 30 KB.
const stackOfACall = 48 << 10

// growStack makes room on the stack for a call. A new goroutine has 2 to 8 KB, and the runtime doubles a stack each time that it
// is full, copying it frame by frame: four times on the way down through the interceptors of two services, which was a
// tenth of the CPU of a delivery. Early on there are few frames to copy, and once is enough.
//
//go:noinline
func growStack(at int) byte {
	var room [stackOfACall]byte // a place that isn't known beforehand, so that the compiler doesn't do without it
	return room[at]
}
