package activities

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestEndingsAreSpread has attempts end at the same moment and sees that few of them are told at once, and none is kept for longer
// than its turn takes.
func TestEndingsAreSpread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const endings = 500
		perSecond := endingsPerCPU * runtime.GOMAXPROCS(0)
		p, began := newPace(), time.Now()
		in := make(chan time.Duration, endings)
		var waiting sync.WaitGroup
		for range endings {
			waiting.Go(func() {
				p.wait(t.Context(), nil)
				in <- time.Since(began)
			})
		}
		waiting.Wait()
		close(in)
		bySecond := make(map[int]int)
		for after := range in {
			bySecond[int(after/time.Second)]++
		}
		for second, n := range bySecond {
			if n > perSecond+endingsAtOnce {
				t.Errorf("%d endings were told in second %d; %d a second was agreed, and %d at once", n, second, perSecond, endingsAtOnce)
			}
		}
		if last, longest := time.Since(began), time.Duration(endings)*time.Second/time.Duration(perSecond); last > longest {
			t.Errorf("the last of %d was told after %s, later than after %s", endings, last, longest)
		}
	})
}

// TestAStoppingWorkerDoesNotWait fills the pace up and stops.
func TestAStoppingWorkerDoesNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, stopping, began := newPace(), make(chan struct{}), time.Now()
		for range 10 * endingsPerCPU * runtime.GOMAXPROCS(0) {
			p.limiter.Reserve()
		}
		close(stopping)
		if p.wait(t.Context(), stopping); time.Since(began) > 0 {
			t.Errorf("it waited for %s", time.Since(began))
		}
	})
}
