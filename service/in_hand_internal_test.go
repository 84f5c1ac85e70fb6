package service

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestInHand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h inHand
		require.False(t, h.has("dlv_1"))
		for _, id := range []string{"dlv_1", "dlv_2", "dlv_3"} {
			h.add(id)
			require.True(t, h.has(id))
		}
		h.remove("dlv_2")
		require.False(t, h.has("dlv_2"), "it could not be started")
		<-time.After(time.Hour)
		require.True(t, h.has("dlv_1"), "it still waits")
		h.start("dlv_1")
		<-time.After(startedFor - time.Second)
		require.True(t, h.has("dlv_1"))
		<-time.After(time.Second)
		require.False(t, h.has("dlv_1"), "the sweep asks Temporal")

		h.start("dlv_3")
		require.Len(t, h.until, 1, "what was started long ago is forgotten")
		require.Equal(t, []string{"dlv_3"}, h.started)
	})
}
