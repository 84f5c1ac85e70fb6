package backup

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// RestoreOptions says what to restore, and where to.
type RestoreOptions struct {
	Path     string // of the backup
	DataDir  string // which must not be there, or be empty
	KeysPath string // of the keys that were kept apart; empty for those of the backup
	NoKeys   bool   // put no keys there: they come from elsewhere
	Schema   int64  // the newest version of durahook's database that this program knows
	Progress func(string)
}

// Restore makes a data directory of a backup. Until it is whole, it is not one that could be started.
func Restore(o RestoreOptions) (about About, err error) {
	file, err := os.Open(o.Path)
	if err != nil {
		return About{}, fmt.Errorf("open the backup: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read from
	zipped, err := gzip.NewReader(file)
	if err != nil {
		return About{}, fmt.Errorf("%s is no backup of durahook: %w", o.Path, err)
	}
	archive := tar.NewReader(zipped)
	if about, err = readAbout(archive, o); err != nil {
		return About{}, err
	}
	keys, err := o.keys(about)
	if err != nil {
		return About{}, err
	}
	made, err := makeEmpty(o.DataDir)
	if err != nil {
		return About{}, err
	}
	defer func() {
		if err != nil && made {
			err = errors.Join(err, os.Remove(o.DataDir))
		}
	}()
	// A start removes what has this prefix: a restore that was killed leaves nothing that could be taken for data.
	staging, err := os.MkdirTemp(o.DataDir, "unfinished-")
	if err != nil {
		return About{}, fmt.Errorf("--data-dir: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staging)) }()
	o.Progress("restoring to " + o.DataDir)
	err = extract(archive, staging)
	if err == nil {
		_, err = io.Copy(io.Discard, zipped) //nolint:gosec // up to its checksum, and kept nowhere
	}
	if err != nil {
		return About{}, fmt.Errorf("restore %s: %w", o.Path, err)
	}
	if keys != nil {
		if err := os.WriteFile(filepath.Join(staging, keysFile), keys, 0o600); err != nil {
			return About{}, err
		}
	}
	if o.NoKeys {
		if err := os.RemoveAll(filepath.Join(staging, keysFile)); err != nil {
			return About{}, err
		}
	}
	return about, moveAll(staging, o.DataDir)
}

// readAbout reads what a backup says of itself, and refuses one that this program cannot restore.
func readAbout(archive *tar.Reader, o RestoreOptions) (about About, err error) {
	header, err := archive.Next()
	if err == nil && header.Name != aboutEntry {
		err = errors.New("it does not begin with " + aboutEntry)
	}
	if err == nil {
		err = json.NewDecoder(archive).Decode(&about)
	}
	switch {
	case err != nil:
		return About{}, fmt.Errorf("%s is no backup of durahook: %w", o.Path, err)
	case about.Format > format, about.Schema > o.Schema:
		return About{}, fmt.Errorf("%s was made by durahook %s, which is newer than this one; restore it with that version or a later one", o.Path, about.Version)
	}
	return about, nil
}

// keys are those to be put into the data directory beside what is in the backup; nil for none.
func (o RestoreOptions) keys(about About) ([]byte, error) {
	switch {
	case o.KeysPath != "" && o.NoKeys:
		return nil, errors.New("--keys and --no-keys exclude each other")
	case o.KeysPath != "":
		text, err := os.ReadFile(o.KeysPath)
		if err == nil && !json.Valid(text) {
			err = errors.New("it is not a " + keysFile)
		}
		if err != nil {
			return nil, fmt.Errorf("--keys: %w", err)
		}
		return text, nil
	case !about.Keys && !o.NoKeys:
		return nil, errors.New("the backup does not hold the keys; without the encryption key, no secret of it can be read: " +
			"say where the data directory's " + keysFile + " is kept with --keys, or --no-keys if DURAHOOK_ENCRYPTION_KEY has it")
	}
	return nil, nil
}

// makeEmpty makes sure that there is a directory with nothing in it, and reports whether there was none before.
func makeEmpty(dir string) (made bool, err error) {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		made = true
		err = os.MkdirAll(dir, 0o755) //nolint:gosec // Postgres may run as another user and has to get through
	case err == nil && len(entries) > 0:
		err = fmt.Errorf("%s is not empty; a restore never overwrites anything: name a new directory", dir)
	}
	if err != nil {
		return false, fmt.Errorf("--data-dir: %w", err)
	}
	return made, nil
}

// extract writes the entries of an archive below a directory, and fails unless the last one is there.
func extract(archive *tar.Reader, path string) (err error) {
	dir, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return errors.New("it is not whole: its end is missing")
		}
		if err != nil {
			return err
		}
		if header.Name == endEntry {
			_, err := archive.Next()
			if !errors.Is(err, io.EOF) {
				return errors.New("there is something behind its end")
			}
			return nil
		}
		if err := extractEntry(archive, header, dir); err != nil {
			return err
		}
	}
}

func extractEntry(archive *tar.Reader, header *tar.Header, dir *os.Root) error {
	if !filepath.IsLocal(header.Name) {
		return fmt.Errorf("%q is not a place inside of the data directory", header.Name)
	}
	const permissions = 0o700
	mode := fs.FileMode(header.Mode & permissions)
	if strings.HasSuffix(header.Name, "/") {
		return dir.MkdirAll(filepath.Clean(header.Name), mode)
	}
	if err := dir.MkdirAll(filepath.Dir(header.Name), permissions); err != nil {
		return err
	}
	file, err := dir.OpenFile(header.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, archive)
	return errors.Join(err, file.Sync(), file.Close())
}

// moveAll moves what is in a directory to another, the data of Postgres last: without them it is a new one. When it
// fails, everything is where it was.
func moveAll(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	names := []string{}
	for _, entry := range entries {
		if entry.Name() != postgresEntry {
			names = append(names, entry.Name())
		}
	}
	names = append(names, postgresEntry)
	for i, name := range names {
		if err := os.Rename(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			for _, moved := range names[:i] {
				err = errors.Join(err, os.Rename(filepath.Join(to, moved), filepath.Join(from, moved)))
			}
			return fmt.Errorf("--data-dir: %w", err)
		}
	}
	dir, err := os.Open(to)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
