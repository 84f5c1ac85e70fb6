package receiver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestSeenIsBounded(t *testing.T) {
	t.Parallel()
	s := newSeen(2)
	start := time.Unix(1, 0)
	for i, id := range []string{"a", "b", "c", "d"} {
		assert.Zero(t, s.mark(id, start.Add(time.Duration(i)*time.Second)), id)
	}
	assert.Len(t, s.first, 2)
	assert.Equal(t, time.Unix(3, 0), s.mark("c", time.Unix(9, 0)))
	assert.Equal(t, time.Unix(4, 0), s.mark("d", time.Unix(9, 0)))
	assert.Zero(t, s.mark("a", time.Unix(9, 0)), "was forgotten")
	assert.Zero(t, s.mark("c", time.Unix(9, 0)), "made room")
	assert.Len(t, s.first, 2)
}
