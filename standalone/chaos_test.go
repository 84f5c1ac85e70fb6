package main

import (
	"bytes"
	"encoding/json"
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/bench"
)

// The short form of the chaos suite: a kill of Postgres and of the worker, a full disk where one can be mounted, and else
// an endpoint that loses its name. Kills of Temporal are in [TestEverythingKilledWhilePublishing].
func TestChaos(t *testing.T) {
	t.Parallel()
	third := "lose the endpoint's name"
	if d, err := mountDisk(filepath.Join(dataDir(t), "disk")); err == nil {
		require.NoError(t, d.unmount())
		third = "fill the disk of Postgres"
	}
	p := start(t, "bench", "--no-settle", "--output", "json", "chaos", "--rounds", "3", "--load", "500ms", "--publishers", "1", "--settle", "8m", "--down", "2s", "--only",
		"kill Postgres,kill worker,"+third)
	require.NoError(t, p.Wait(), p.output)
	var report struct {
		Figures bench.ChaosFigures `json:"figures"`
	}
	text := p.output.String()
	begin := bytes.IndexByte([]byte(text), '{')
	require.GreaterOrEqual(t, begin, 0, text)
	require.NoError(t, json.Unmarshal([]byte(text[begin:]), &report), text)
	f := report.Figures
	require.Len(t, f.Rounds, 3)
	require.Equal(t, 2, f.Kills)
	require.Positive(t, f.Accepted)
	require.True(t, f.Kept(), text)
}

// What goes over a proxy breaks off when it is cut, and what comes after that goes through.
func TestCut(t *testing.T) {
	t.Parallel()
	endpoint := newEndpoint(t, answering(200))
	p, err := newProxy(t.Context(), "one from the other", endpoint.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.close()) })
	for range 2 {
		connection, err := net.Dial("tcp", p.address())
		require.NoError(t, err)
		_, err = connection.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
		require.NoError(t, err)
		answer := make([]byte, len("HTTP/1.1 200"))
		_, err = connection.Read(answer)
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1 200", string(answer))
		p.Cut()
		for err == nil {
			_, err = connection.Read(answer)
		}
	}
}
