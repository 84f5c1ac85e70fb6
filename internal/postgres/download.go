package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	embedded "github.com/fergusstrange/embedded-postgres"
)

// newMajor is the version to download for new data. Existing data keep theirs.
const newMajor = 17

// released maps major versions to the builds that the download library knows.
func released(major int) (embedded.PostgresVersion, error) {
	for _, v := range []embedded.PostgresVersion{
		embedded.V18, embedded.V17, embedded.V16, embedded.V15, embedded.V14, embedded.V13,
	} {
		if m, err := majorVersion(string(v)); err == nil && m == major {
			return v, nil
		}
	}
	return "", fmt.Errorf("there is no download of Postgres %d", major)
}

// download returns binaries unpacked earlier, or fetches and unpacks them.
func (f finder) download(ctx context.Context, at files, a *account, want int) (binaries, error) {
	if want == 0 {
		want = newMajor
	}
	version, err := released(want)
	if err != nil {
		return binaries{}, err
	}
	home := at.binaries
	// The cache lies in our home directory, which another user usually may not enter.
	if f.cache != "" && a == nil {
		home = f.cache
	}
	dir := filepath.Join(home, string(version))
	bin := filepath.Join(dir, "bin")
	there, err := exists(dir)
	if err != nil {
		return binaries{}, err
	}
	if !there {
		f.progress(fmt.Sprintf("downloading Postgres %s, once", version))
		if err := f.fetch(ctx, version, dir); err != nil {
			return binaries{}, err
		}
	}
	b, err := inspect(ctx, bin)
	if err != nil {
		return binaries{}, err
	}
	return b, b.fits(want, a)
}

// fetch downloads and unpacks a version so that dir is complete or not there.
func (f finder) fetch(ctx context.Context, version embedded.PostgresVersion, dir string) error {
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil { //nolint:gosec // the user that Postgres runs as has to get through
		return err
	}
	if err := removeAbandoned(parent); err != nil {
		return err
	}
	staging, err := os.MkdirTemp(parent, unfinished)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		done <- errors.Join(f.unpack(version, staging, dir), os.RemoveAll(staging))
	}()
	select {
	case <-ctx.Done():
		// The library takes no context: its download goes on until it or this process ends.
		return ctx.Err()
	case err := <-done:
		return err
	}
}

// unpack has embedded-postgres fetch and unpack a version below staging and renames it to dir.
//
// The library only offers to start a server, which it cannot do as root and which is done better
// here. So it gets a place for its data that cannot exist, below a file, and gives up before it
// starts anything. That it got that far shows in the runtime directory, which it makes when the
// binaries are complete.
func (f finder) unpack(version embedded.PostgresVersion, staging, dir string) error {
	noDir := filepath.Join(staging, "file")
	if err := os.WriteFile(noDir, nil, 0o600); err != nil {
		return err
	}
	port, err := freePort("127.0.0.1") // not used, but the library insists on a free one
	if err != nil {
		return err
	}
	runtime, unpacked := filepath.Join(staging, "runtime"), filepath.Join(staging, "unpacked")
	config := embedded.DefaultConfig().
		Version(version).
		Port(uint32(port)). //nolint:gosec // a port fits
		CachePath(filepath.Join(staging, "archive")).
		RuntimePath(runtime).
		BinariesPath(unpacked).
		DataPath(filepath.Join(noDir, "data")).
		Logger(io.Discard)
	if f.repository != "" {
		config = config.BinaryRepositoryURL(f.repository)
	}
	stopped := embedded.NewDatabase(config).Start()
	complete, err := exists(runtime)
	if err != nil {
		return err
	}
	if !complete {
		return fmt.Errorf("get Postgres %s: %w", version, stopped)
	}
	err = os.Rename(unpacked, dir)
	if there, _ := exists(dir); there {
		return nil // ours, or that of another process which was faster
	}
	return err
}

// removeAbandoned removes downloads in dir that were killed, and leaves alone those of other
// processes that may still be under way.
func removeAbandoned(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, unfinished+"*"))
	if err != nil {
		return err
	}
	for _, path := range left {
		info, err := os.Stat(path)
		if err != nil || time.Since(info.ModTime()) < 24*time.Hour {
			continue // gone in the meantime, or fresh
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}
