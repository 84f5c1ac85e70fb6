package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// files are the paths that this package uses inside the data directory.
type files struct {
	root     string
	data     string // Postgres' own directory; exists only when it is complete
	password string
	log      string
	lock     string
	binaries string // where binaries are unpacked when no shared cache will do
}

// unfinished is the prefix of directories in the making; what carries it is never used as it is.
const unfinished = "unfinished-"

func filesIn(root string) files {
	return files{
		root:     root,
		data:     filepath.Join(root, "postgres"),
		password: filepath.Join(root, "postgres.password"),
		log:      filepath.Join(root, "postgres.log"),
		lock:     filepath.Join(root, "postgres.lock"),
		binaries: filepath.Join(root, "postgres-binaries"),
	}
}

// makeDataDir makes dir when it is missing. Where Postgres runs as another user, that user must be
// able to pass through it, hence the wider mode; the files in it have their own.
func makeDataDir(dir string, a *account) error {
	mode := fs.FileMode(0o700)
	if a != nil {
		mode = 0o711
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	return a.checkCanEnter(dir)
}

// removeUnfinished removes what a start that was killed left half made. What that start was waiting for may live
// on for a moment and write more.
func removeUnfinished(ctx context.Context, f files) error {
	left, err := filepath.Glob(filepath.Join(f.root, unfinished+"*"))
	if err != nil {
		return fmt.Errorf("look for leftovers in %s: %w", f.root, err)
	}
	for _, dir := range left {
		if err := removeDespiteWriters(ctx, dir); err != nil {
			return fmt.Errorf("remove a leftover of an earlier start: %w", err)
		}
	}
	return nil
}

// removeDespiteWriters removes a directory to which another process may still add files before it ends.
func removeDespiteWriters(ctx context.Context, dir string) error {
	const longest, pause = 10 * time.Second, 50 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	for {
		err := os.RemoveAll(dir)
		if err == nil || !errors.Is(err, syscall.ENOTEMPTY) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// exists reports whether there is something at path.
func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// syncDir makes renames and new files in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
