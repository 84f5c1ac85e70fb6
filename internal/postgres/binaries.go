package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// oldestMajor is the oldest Postgres that this project uses: DROP DATABASE … WITH (FORCE) and a
// built-in gen_random_uuid came with it.
const oldestMajor = 13

// binaries is a directory with initdb and postgres of one version.
type binaries struct {
	dir   string
	major int
}

// finder knows where to look for Postgres.
type finder struct {
	path       func(string) (string, error) // looks a program up in PATH
	systemDirs string                       // glob of directories with binaries
	repository string                       // where to download from; empty means Maven Central
	cache      string                       // a directory for downloads; empty means none
	progress   func(string)
}

func newFinder(opts Options) finder {
	f := finder{
		path:       exec.LookPath,
		systemDirs: "/usr/lib/postgresql/*/bin",
		repository: opts.BinariesURL,
		progress:   opts.Progress,
	}
	if f.progress == nil {
		f.progress = func(string) {}
	}
	// Without a home directory there is no shared cache; downloads then go to the data directory.
	if dir, err := os.UserCacheDir(); err == nil {
		f.cache = filepath.Join(dir, "durahook", "postgres")
	}
	return f
}

// find returns binaries that fit the data that are there: the ones in PATH, else the newest of the
// system's, else downloaded ones. The error says what was found and why it would not do.
func (f finder) find(ctx context.Context, at files, a *account) (binaries, error) {
	want, err := dataVersion(at)
	if err != nil {
		return binaries{}, err
	}
	var unfit []error
	for _, dir := range f.candidates() {
		b, err := inspect(ctx, dir)
		if err == nil {
			err = b.fits(want, a)
		}
		if err == nil {
			return b, nil
		}
		unfit = append(unfit, err)
	}
	b, err := f.download(ctx, at, a, want)
	if err != nil {
		return binaries{}, notFound(want, unfit, err)
	}
	return b, nil
}

func notFound(want int, unfit []error, download error) error {
	wanted, pkg := "Postgres", "postgresql"
	if want != 0 {
		wanted, pkg = fmt.Sprintf("Postgres %d (which made the data)", want), fmt.Sprintf("postgresql-%d", want)
	}
	why := ""
	if len(unfit) > 0 {
		why = " (" + strings.ReplaceAll(errors.Join(unfit...).Error(), "\n", "; ") + ")"
	}
	return fmt.Errorf("no %s found in PATH or /usr/lib/postgresql/*/bin%s, and the download failed: %w; "+
		"install it, e.g. apt-get install %s", wanted, why, download, pkg)
}

// candidates are directories that seem to hold Postgres, the best first.
func (f finder) candidates() []string {
	var dirs []string
	if path, err := f.path("postgres"); err == nil {
		// Links are followed because the programs look for each other beside themselves, and a
		// link may stand where the others do not.
		if resolved, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(resolved))
		}
	}
	// The pattern is a constant, and a wrong pattern is Glob's only error.
	system, _ := filepath.Glob(f.systemDirs)
	slices.SortFunc(system, func(a, b string) int { return dirVersion(b) - dirVersion(a) })
	for _, dir := range system {
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// dirVersion is the 15 of /usr/lib/postgresql/15/bin.
func dirVersion(dir string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	if err != nil {
		return 0
	}
	return n
}

// inspect finds out whether dir has what it takes, and the version.
func inspect(ctx context.Context, dir string) (binaries, error) {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return binaries{}, fmt.Errorf("%s has no %s", dir, name)
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version")
	out, err := cmd.Output()
	if err != nil {
		return binaries{}, fmt.Errorf("%s --version: %w", cmd.Path, err)
	}
	fields := strings.Fields(string(out)) // postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
	if len(fields) < 3 {
		return binaries{}, fmt.Errorf("%s --version says %q", cmd.Path, out)
	}
	major, err := majorVersion(fields[2])
	if err != nil {
		return binaries{}, fmt.Errorf("%s --version: %w", cmd.Path, err)
	}
	return binaries{dir: dir, major: major}, nil
}

// majorVersion reads 15 out of "15", "15.18" or "18beta1".
func majorVersion(version string) (int, error) {
	digits := strings.TrimSpace(version)
	if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		digits = digits[:end]
	}
	major, err := strconv.Atoi(digits)
	if err != nil {
		return 0, fmt.Errorf("%q is no Postgres version", version)
	}
	return major, nil
}

// fits says what is wrong with b for data of version want (0: no data yet), or nil.
func (b binaries) fits(want int, a *account) error {
	switch {
	case want != 0 && b.major != want:
		return fmt.Errorf("%s has Postgres %d", b.dir, b.major)
	case b.major < oldestMajor:
		return fmt.Errorf("%s has Postgres %d, and %d is the oldest that will do", b.dir, b.major, oldestMajor)
	}
	return a.checkCanEnter(b.dir)
}

// command prepares one of the programs to run in dir as the account. It gets a clean environment:
// the PG* variables of whoever starts us must not reach a server of ours, and its messages should be
// in one language.
func (b binaries) command(ctx context.Context, name, dir string, a *account, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(b.dir, name), args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	if tmp := os.Getenv("TMPDIR"); tmp != "" {
		cmd.Env = append(cmd.Env, "TMPDIR="+tmp)
	}
	for _, name := range []string{"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if value := os.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	a.apply(cmd)
	return cmd
}
