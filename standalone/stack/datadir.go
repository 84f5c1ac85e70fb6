package stack

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/durahook/durahook/encryption"
)

// format is the version of the data directory's layout. It is raised when an older program could no longer
// work with the data.
const format = 1

// DataDir is the directory of all data of a standalone durahook.
type DataDir struct {
	path string
}

// DataDirPath is where a data directory is, in full. An empty path means the default: /var/lib/durahook for root, whose
// home other users can't enter as Postgres must, else durahook in the user's data directory.
func DataDirPath(path string) (_ string, err error) {
	if path == "" {
		if path, err = defaultDataDir(); err != nil {
			return "", err
		}
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", fmt.Errorf("--data-dir: %w", err)
	}
	return path, nil
}

// OpenDataDir makes the directory at a path, see [DataDirPath], if need be and refuses one that a newer version of
// durahook made.
func OpenDataDir(path string) (DataDir, error) {
	path, err := DataDirPath(path)
	if err != nil {
		return DataDir{}, err
	}
	// Postgres may run as another user and has to get through.
	if err := os.MkdirAll(path, 0o755); err != nil { //nolint:gosec // the secrets inside have their own modes
		return DataDir{}, fmt.Errorf("--data-dir: make the directory: %w", err)
	}
	d := DataDir{path: path}
	return d, d.checkFormat()
}

func defaultDataDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/durahook", nil
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "durahook"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("--data-dir: there is no home directory to put the data in; name a directory: %w", err)
	}
	return filepath.Join(home, ".local", "share", "durahook"), nil
}

func (d DataDir) checkFormat() error {
	path := filepath.Join(d.path, "format")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return writeFile(path, []byte(strconv.Itoa(format)+"\n"))
	}
	if err != nil {
		return fmt.Errorf("--data-dir: %w", err)
	}
	found, err := strconv.Atoi(strings.TrimSpace(string(text)))
	switch {
	case err != nil:
		return fmt.Errorf("--data-dir: %s is not durahook's: its file format holds no number", d.path)
	case found > format:
		return fmt.Errorf("--data-dir: %s was made by a newer durahook (format %d; this one knows up to %d)", d.path, found, format)
	}
	return nil
}

// Keys are the keys that durahook made up itself.
type Keys struct {
	Admin      string `json:"admin_key"`
	Encryption string `json:"encryption_key"`
}

// Keys returns the keys kept in the directory, made at the first call.
func (d DataDir) Keys() (Keys, error) {
	var keys Keys
	found, err := d.read("keys.json", &keys)
	if found || err != nil {
		return keys, err
	}
	random := make([]byte, 24)
	_, _ = rand.Read(random) // never fails: crypto/rand crashes the program rather than return an error
	keys = Keys{Admin: "dhk_" + hex.EncodeToString(random), Encryption: encryption.NewKeyText()}
	return keys, d.write("keys.json", keys)
}

// read decodes a file of the directory into value and reports whether there is one.
func (d DataDir) read(name string, value any) (bool, error) {
	text, err := os.ReadFile(filepath.Join(d.path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, value)
	}
	if err != nil {
		return false, fmt.Errorf("--data-dir: read %s: %w", name, err)
	}
	return true, nil
}

func (d DataDir) write(name string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	return writeFile(filepath.Join(d.path, name), append(text, '\n'))
}

// writeFile writes a file, readable by the owner only, in whole or not at all.
func writeFile(path string, text []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("--data-dir: %w", err)
	}
	defer os.Remove(temporary.Name()) //nolint:errcheck // gone already when all went well
	_, err = temporary.Write(text)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return fmt.Errorf("--data-dir: write %s: %w", path, err)
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return fmt.Errorf("--data-dir: %w", err)
	}
	return nil
}
