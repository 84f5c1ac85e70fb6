package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/durahook/durahook/internal/app"
	"github.com/durahook/durahook/internal/cli"
	"github.com/durahook/durahook/internal/config"
	"github.com/durahook/durahook/migrations"
	"github.com/durahook/durahook/standalone/backup"
	"github.com/durahook/durahook/standalone/stack"
)

// backupCommand backs a data directory up.
type backupCommand struct {
	config.Log
	DataDir  string `help:"Directory of all data, as at the start." placeholder:"DIR"`
	WithKeys bool   `help:"Put the keys in, too. Whoever has the file can read all secrets then."`
	File     string `arg:"" help:"File to make, which must not be there, or a directory to make it in."`
}

// Run makes the backup, also while durahook runs, and says what to keep beside it.
func (c *backupCommand) Run(env *cli.Env) error {
	began := time.Now()
	resolved, err := config.Resolve(c.Log)
	if err != nil {
		return err
	}
	dir, err := stack.DataDirPath(c.DataDir)
	if err != nil {
		return err
	}
	made, err := backup.Make(env.Ctx, backup.Options{
		DataDir: dir, Path: c.File, Keys: c.WithKeys, Log: app.NewLog(env.Stderr, resolved), Progress: progress(env, began),
	})
	if err != nil {
		return err
	}
	const megabyte = 1 << 20
	fmt.Fprintf(env.Stdout, "Backed up to %s: %.1f MiB, everything up to now.\n", made.Path, float64(made.Bytes)/megabyte)
	if c.WithKeys {
		fmt.Fprintln(env.Stdout, "The keys are in it: keep it as safe as those. Whoever has it can read all secrets.")
		return nil
	}
	fmt.Fprintf(env.Stdout, "The keys are not in it. Keep %s in a place of its own: without it, no secret of the backup can be read.\n",
		filepath.Join(dir, "keys.json"))
	return nil
}

// restoreCommand makes a data directory of a backup.
type restoreCommand struct {
	DataDir string `help:"Directory to make, or an empty one; as at the start." placeholder:"DIR"`
	Keys    string `help:"The keys.json that was kept apart from the backup." placeholder:"FILE"`
	NoKeys  bool   `help:"Put no keys there: DURAHOOK_ENCRYPTION_KEY has the encryption key at the start."`
	File    string `arg:"" help:"The backup."`
}

// Run restores, and says what comes next.
func (c *restoreCommand) Run(env *cli.Env) error {
	dir, err := stack.DataDirPath(c.DataDir)
	if err != nil {
		return err
	}
	about, err := backup.Restore(backup.RestoreOptions{
		Path: c.File, DataDir: dir, KeysPath: c.Keys, NoKeys: c.NoKeys, Schema: migrations.Latest(), Progress: progress(env, time.Now()),
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, `Restored to %[1]s: a backup of %[2]s by durahook %[3]s. It needs Postgres %[4]d.
Make sure that the durahook it was made of does not run any more, then start this one:

  %[5]s --data-dir %[1]s

Deliveries that went out after the backup may go out once more, with the same webhook-id.
`, dir, about.CreatedAt.Format(time.RFC3339), about.Version, about.Postgres, env.Program)
	return nil
}

// progress returns a function that tells what takes long, and since when.
func progress(env *cli.Env, began time.Time) func(string) {
	return func(what string) {
		fmt.Fprintf(env.Stdout, "%5.1f s  %s\n", time.Since(began).Seconds(), what)
	}
}
