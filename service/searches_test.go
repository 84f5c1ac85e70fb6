package service_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/service"
)

// The table of searches in docs/operating.md is this one. That each finds what it should is tested in
// standalone/, against the real server.
func TestSearchesAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/operating.md")
	require.NoError(t, err)
	now := time.Date(2026, 11, 26, 14, 30, 0, 0, time.UTC)
	table := "| search | what it finds | query |\n|---|---|---|\n"
	for _, s := range service.Searches() {
		table += fmt.Sprintf("| %s | %s | ``%s`` |\n", s.Name, s.Description, s.Query("", "whk_…", now))
	}
	require.Contains(t, string(text), table+"\n", "write it there")
}

func TestSearchURL(t *testing.T) {
	t.Parallel()
	s := service.New(service.Options{Namespace: "web hooks", UIURL: "https://temporal.example.com"})
	require.Equal(t, "https://temporal.example.com/namespaces/web%20hooks/workflows?query=A+%3D+%22b%26c%22+AND+D+%3C+1",
		s.SearchURL(`A = "b&c" AND D < 1`))
	require.Empty(t, service.New(service.Options{}).SearchURL("A = 1"))
}
