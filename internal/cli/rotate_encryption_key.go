package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/durahook/durahook/internal/config"
	"github.com/durahook/durahook/migrations"
	"github.com/durahook/durahook/store"
)

// RotateEncryptionKeyCommand has all secrets encrypted with one key.
type RotateEncryptionKeyCommand struct {
	config.Database
	config.Encryption
}

// Run encrypts every secret with --encryption-key that another key was used for. It fails when some can be read
// with none of the keys.
func (c *RotateEncryptionKeyCommand) Run(env *Env) (err error) {
	resolved, err := config.Resolve(c.Database, c.Encryption)
	if err != nil {
		return err
	}
	s, err := store.Open(env.Ctx, resolved.DatabaseURL, resolved.Keys()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := migrations.Check(env.Ctx, s.DB().DB); err != nil {
		return err
	}
	done, err := s.Reseal(env.Ctx, func(now store.Resealed) {
		fmt.Fprintf(env.Stderr, "Encrypted anew so far: %d secrets of %d webhooks.\n", now.Secrets, now.Webhooks)
	})
	if err != nil {
		return fmt.Errorf("the encryption key is changed in part only; run the same command again to go on: %w", err)
	}
	fmt.Fprintf(env.Stdout, "Encrypted with --encryption-key: %d secrets of %d webhooks and %d alert channels.\n", done.Secrets, done.Webhooks, done.AlertChannels)
	if len(done.Unopened) > 0 {
		return unopened(done.Unopened)
	}
	fmt.Fprintln(env.Stdout, "No secret needs a key of --previous-encryption-keys any more.")
	return nil
}

func unopened(ids []string) error {
	const most = 20
	named := strings.Join(ids[:min(len(ids), most)], ", ")
	if more := len(ids) - most; more > 0 {
		named += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Errorf("none of the keys opens the secrets of %s; they were left as they are: "+
		"run the command again with their key among --previous-encryption-keys", named)
}
