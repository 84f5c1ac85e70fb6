package console

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFormatMilliseconds(t *testing.T) {
	t.Parallel()
	for ms, want := range map[int]string{0: "< 1 ms", 1: "1 ms", 999: "999 ms", 1204: "1.20 s", 30_000: "30.0 s"} {
		require.Equal(t, want, formatMilliseconds(ms))
	}
}
