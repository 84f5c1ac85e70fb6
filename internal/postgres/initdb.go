package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ensureData makes the database cluster when there is none and returns its superuser's password.
//
// It may be killed at any point: the password is on disk before the cluster exists, and the cluster
// is made under another name and renamed when it is complete.
func ensureData(ctx context.Context, f files, b binaries, a *account, progress func(string)) (string, error) {
	made, err := exists(f.data)
	if err != nil {
		return "", fmt.Errorf("look for the Postgres data: %w", err)
	}
	password, err := readPassword(f.password)
	switch {
	case err != nil:
		return "", err
	case made && password == "":
		return "", fmt.Errorf("%s holds the password of the Postgres data in %s, and it is missing or empty; "+
			"put it back, or move the data away to start anew", f.password, f.data)
	case made:
		return password, a.own(f.data)
	case password == "":
		password = rand.Text()
		if err := writePassword(f.password, password); err != nil {
			return "", err
		}
	}
	progress("making a new Postgres database in " + f.data)
	if err := initdb(ctx, f, b, a, password); err != nil {
		return "", fmt.Errorf("make a new Postgres database in %s: %w", f.data, err)
	}
	return password, nil
}

func initdb(ctx context.Context, f files, b binaries, a *account, password string) (err error) {
	staging, err := os.MkdirTemp(f.root, unfinished)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staging)) }()
	// initdb runs as the other user and cannot read our password file, so it gets one of its own,
	// in a directory that is gone afterwards.
	passwordFile := filepath.Join(staging, "password")
	if err := os.WriteFile(passwordFile, []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	if err := a.own(staging); err != nil {
		return err
	}
	data := filepath.Join(staging, "data")
	cmd := b.command(ctx, "initdb", staging, a,
		"--pgdata="+data,
		"--username="+superuser,
		"--pwfile="+passwordFile,
		"--auth=scram-sha-256",
		"--encoding=UTF8",
		"--no-locale", // sorts by bytes, on every machine and for ever alike
		"--data-checksums",
	)
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := runChild(cmd); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("initdb: %w%s", err, excerpt(output.String()))
	}
	if err := os.Rename(data, f.data); err != nil {
		return err
	}
	return syncDir(f.root)
}

// readPassword returns "" when there is no password yet.
func readPassword(path string) (string, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the Postgres password: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// writePassword puts a whole file at path or none.
func writePassword(path, password string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), unfinished) // mode 0600
	if err != nil {
		return fmt.Errorf("write the Postgres password: %w", err)
	}
	_, err = tmp.WriteString(password + "\n")
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the Postgres password: %w", err), removeIfThere(tmp.Name()))
	}
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// dataVersion is the major version of Postgres that made the data, or 0 when there are none.
func dataVersion(f files) (int, error) {
	b, err := os.ReadFile(filepath.Join(f.data, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		made, err := exists(f.data)
		if made {
			return 0, fmt.Errorf("%s is not a Postgres data directory (it has no PG_VERSION); "+
				"move it away to start anew", f.data)
		}
		return 0, err
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of the Postgres data: %w", err)
	}
	return majorVersion(string(b))
}
