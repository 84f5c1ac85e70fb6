package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Our own programs pass, and so would not a module without a licence or with a strict one.
func TestLicencesOf(t *testing.T) {
	t.Parallel()
	found, err := licencesOf("../..")
	require.NoError(t, err)
	require.Equal(t, []string{"Apache-2.0"}, found)

	dir := t.TempDir()
	_, err = licencesOf(dir)
	require.EqualError(t, err, "there is no file with a licence")

	write := func(text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "LICENSE"), []byte(text), 0o600))
	}
	write("Whoever has this may look at it.")
	_, err = licencesOf(dir)
	require.ErrorContains(t, err, "no licence that is known")

	write("This program is free software: you can redistribute it and/or modify it under the terms of the GNU Affero General " +
		"Public License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any " +
		"later version.\n")
	found, err = licencesOf(dir)
	require.NoError(t, err)
	require.NotEmpty(t, found)
	for _, id := range found {
		require.NotContains(t, allowed(), id)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	modules, err := list(t.Context(), "../..", "./internal/licences")
	require.NoError(t, err)
	require.Len(t, modules, 1, "ours and the standard library are left out")
	require.Equal(t, "github.com/google/licensecheck", modules[0].Path)
	require.Contains(t, modules[0].Dir, "licensecheck")
}
