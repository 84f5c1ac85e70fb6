package stack_test

import (
	"testing"

	"github.com/durahook/durahook/internal/stack"
)

// Both sides call down to the same depth in a new goroutine each.
func BenchmarkGrow(b *testing.B) {
	for name, first := range map[string]func(){"as it is": func() {}, "with room": stack.Grow[stack.Some]} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				done := make(chan byte)
				go func() {
					first()
					done <- deep(100)
				}()
				<-done
			}
		})
	}
}

//go:noinline
func deep(calls int) byte {
	var frame [100]byte
	if calls == 0 {
		return 0
	}
	frame[calls%len(frame)] = deep(calls-1) + 1
	return frame[calls%len(frame)]
}
