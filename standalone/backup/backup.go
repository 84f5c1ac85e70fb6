// Package backup makes one file of everything that a standalone durahook keeps, while it runs, and a data directory of
// such a file. Postgres itself makes the copy (a base backup with its log), so the databases of durahook and of Temporal
// are of one point in time. It may import internal/postgres and migrations, and knows the files of a data directory.
package backup

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/durahook/durahook/internal/postgres"
	"github.com/durahook/durahook/internal/version"
)

// The entries of a backup, in this order: what it is, the files of the data directory, those of Postgres, and an empty
// one at the end, without which it is not whole.
const (
	aboutEntry    = "durahook-backup.json"
	postgresEntry = "postgres"
	endEntry      = "complete"
	keysFile      = "keys.json"
)

// dataFiles are the files of a data directory that are always in a backup, where they are there.
func dataFiles() []string { return []string{"format", "postgres.password", "demo.json"} }

// About is what a backup says of itself.
type About struct {
	Version   string    `json:"durahook"`      // that made it
	Schema    int64     `json:"schema"`        // which version of durahook's database a program has to know
	Postgres  int       `json:"postgres"`      // major version
	Keys      bool      `json:"keys"`          // whether the keys are in it
	CreatedAt time.Time `json:"created_at"`    // when it was begun
	Format    int       `json:"backup_format"` // of the file
}

// format is the version of the file's layout. It is raised when an older program could not restore it.
const format = 1

// Options says what to back up, and where to.
type Options struct {
	DataDir  string // of a standalone durahook, running or not
	Path     string // of the file, which must not be there; or a directory, for a name with the time
	Keys     bool   // put the keys in, too
	Log      *slog.Logger
	Progress func(string)
}

// Result is a backup that was made.
type Result struct {
	About
	Path  string
	Bytes int64
}

// Make backs up a data directory. A durahook that runs on it goes on; else Postgres alone is started for as long as
// it takes. What is at the path is there in whole or not at all.
func Make(ctx context.Context, o Options) (result Result, err error) {
	if _, err := os.Stat(filepath.Join(o.DataDir, "postgres")); err != nil {
		return Result{}, fmt.Errorf("there is no durahook in %s; --data-dir says where it is", o.DataDir)
	}
	result.CreatedAt = time.Now().UTC().Truncate(time.Second)
	if result.Path, err = newPath(o.Path, result.CreatedAt); err != nil {
		return Result{}, err
	}
	url, stop, err := reach(ctx, o)
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	source, err := open(ctx, url)
	if err != nil {
		return Result{}, err
	}
	defer source.close(ctx)
	result.About = About{
		Version: version.Version(), Schema: source.schema, Postgres: source.major, Keys: o.Keys, CreatedAt: result.CreatedAt, Format: format,
	}
	o.Progress("copying to " + result.Path)
	result.Bytes, err = writeWhole(result.Path, func(w io.Writer) error { return write(ctx, w, o, result.About, source) })
	return result, err
}

// newPath is where the backup goes.
func newPath(path string, at time.Time) (string, error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		path = filepath.Join(path, "durahook-"+at.Format("20060102T150405Z")+".tar.gz")
		_, err = os.Stat(path)
	}
	if err == nil {
		return "", fmt.Errorf("%s is there already; a backup never overwrites anything", path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return path, nil
}

// reach returns how to connect to the Postgres of the data directory, and starts it if nobody runs it.
func reach(ctx context.Context, o Options) (url string, stop func() error, err error) {
	const database = "durahook"
	if url, err = postgres.Running(o.DataDir, database); url != "" || err != nil {
		return url, func() error { return nil }, err
	}
	o.Progress("starting Postgres, since durahook does not run")
	server, err := postgres.Start(ctx, postgres.Options{DataDir: o.DataDir, Logger: o.Log})
	if err != nil {
		return "", nil, fmt.Errorf("start Postgres: %w", err)
	}
	return server.URL(database), func() error {
		const patience = 30 * time.Second
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		return server.Stop(ctx)
	}, nil
}

// writeWhole writes a file, readable by its owner only, in whole or not at all, and returns its size.
func writeWhole(path string, fill func(io.Writer) error) (size int64, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "unfinished-*") // mode 0600
	if err != nil {
		return 0, fmt.Errorf("write the backup: %w", err)
	}
	defer os.Remove(file.Name()) //nolint:errcheck // gone already when all went well
	err = fill(file)
	if info, statErr := file.Stat(); statErr == nil {
		size = info.Size()
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return 0, fmt.Errorf("write the backup: %w", err)
	}
	// A link is refused where there is a file meanwhile; renaming would replace it.
	err = os.Link(file.Name(), path)
	if err != nil && !errors.Is(err, fs.ErrExist) { // a file system without links
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return 0, fmt.Errorf("write the backup: %w", err)
	}
	return size, nil
}

func write(ctx context.Context, w io.Writer, o Options, about About, source *source) error {
	zipped, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(zipped)
	text, err := json.MarshalIndent(about, "", "  ")
	if err != nil {
		return err
	}
	if err := add(archive, aboutEntry, append(text, '\n')); err != nil {
		return err
	}
	files := dataFiles()
	if o.Keys {
		files = append(files, keysFile)
	}
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(o.DataDir, name))
		if errors.Is(err, fs.ErrNotExist) && name != keysFile {
			continue
		}
		if err == nil {
			err = add(archive, name, text)
		}
		if err != nil {
			return err
		}
	}
	if err := source.copyTo(ctx, archive); err != nil {
		return err
	}
	return errors.Join(add(archive, endEntry, nil), archive.Close(), zipped.Close())
}

func add(archive *tar.Writer, name string, text []byte) error {
	const ownerOnly = 0o600
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: ownerOnly, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err := archive.Write(text)
	return err
}
