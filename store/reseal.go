package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Resealed is what a rotation of the encryption key did.
type Resealed struct {
	Webhooks, AlertChannels, Secrets int // how many were sealed anew

	// Unopened are the webhooks and alert channels that hold a secret which none of the keys opens; they are as they were.
	Unopened []string
}

// resealBatch is how many webhooks are locked at a time while their secrets are sealed anew.
const resealBatch = 100

// Reseal seals every secret in the database with the first key, those of deleted webhooks too, and tells
// progress after each batch how far it is. It may be stopped at any moment and called again, run beside others,
// and while webhooks are changed: processes that seal with another key are caught up with.
func (s *Store) Reseal(ctx context.Context, progress func(Resealed)) (Resealed, error) {
	var done Resealed
	for {
		before := done.Secrets
		done.Unopened = nil
		if err := s.resealAll(ctx, &done, progress); err != nil {
			return done, err
		}
		if err := s.resealAlertChannels(ctx, &done); err != nil {
			return done, err
		}
		if done.Secrets == before { // nobody seals with another key any more
			return done, nil
		}
	}
}

// isStale is the condition that a webhook holds a secret which another key than that with the ID $1 sealed: the
// ID stands in front of it, in 4 bytes.
const isStale = `(substring(authentication for 4) <> $1 OR substring(signing_secret for 4) <> $1
	OR substring(previous_signing_secret for 4) <> $1)`

// resealAll goes once through all webhooks and adds to done.
func (s *Store) resealAll(ctx context.Context, done *Resealed, progress func(Resealed)) error {
	current := s.keys.IDs()[0]
	for after := ""; ; {
		var ids []string
		err := s.db.SelectContext(ctx, &ids,
			`SELECT id FROM webhooks WHERE `+isStale+` AND id > $2 ORDER BY id LIMIT $3`, current, after, resealBatch)
		if err != nil {
			return fmt.Errorf("look for secrets to seal anew: %w", err)
		}
		if len(ids) == 0 {
			return nil
		}
		if err := s.resealSome(ctx, current, ids, done); err != nil {
			return err
		}
		progress(*done)
		after = ids[len(ids)-1]
	}
}

// resealSome seals the secrets of these webhooks in one transaction and adds to done once it is committed. The
// lock lets events be published to them meanwhile.
func (s *Store) resealSome(ctx context.Context, current []byte, ids []string, done *Resealed) error {
	var now Resealed
	err := s.inTx(ctx, func(tx *sqlx.Tx) error {
		var rows []webhookRow
		err := tx.SelectContext(ctx, &rows, `
			SELECT id, account_id, authentication, signing_secret, previous_signing_secret FROM webhooks
			WHERE `+isStale+` AND id = ANY($2) ORDER BY id FOR NO KEY UPDATE`, current, pq.StringArray(ids))
		if err != nil {
			return fmt.Errorf("read secrets to seal anew: %w", err)
		}
		for _, row := range rows {
			if err := s.resealWebhook(ctx, tx, row, &now); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		done.Webhooks += now.Webhooks
		done.Secrets += now.Secrets
		done.Unopened = append(done.Unopened, now.Unopened...)
	}
	return err
}

// resealWebhook seals the secrets of one webhook, all of them or none. Nothing else about it changes, not even
// when it was updated.
func (s *Store) resealWebhook(ctx context.Context, tx *sqlx.Tx, row webhookRow, done *Resealed) error {
	secrets := 0
	for _, secret := range []struct {
		sealed *[]byte
		owner  string
	}{
		{&row.Authentication, authenticationOwner(row.AccountID, row.ID)},
		{&row.SigningSecret, signingSecretOwner(row.AccountID, row.ID)},
		{&row.PreviousSigningSecret, previousSecretOwner(row.AccountID, row.ID)},
	} {
		if *secret.sealed == nil {
			continue
		}
		opened, err := s.keys.Open(*secret.sealed, secret.owner)
		if err != nil { // which says no more than that
			done.Unopened = append(done.Unopened, row.ID)
			return nil //nolint:nilerr // the caller goes on with the others
		}
		if *secret.sealed, err = s.keys.Seal(opened, secret.owner); err != nil {
			return err
		}
		secrets++
	}
	_, err := tx.ExecContext(ctx,
		`UPDATE webhooks SET authentication = $2, signing_secret = $3, previous_signing_secret = $4 WHERE id = $1`,
		row.ID, row.Authentication, row.SigningSecret, row.PreviousSigningSecret)
	if err != nil {
		return fmt.Errorf("write secrets of %s: %w", row.ID, err)
	}
	done.Webhooks++
	done.Secrets += secrets
	return nil
}

// CheckKeys fails when the database holds secrets that were sealed with none of the keys, so that this is found
// out before the first delivery needs one. It looks at the oldest and the newest webhooks and alert channels only,
// which are all in most databases.
func (s *Store) CheckKeys(ctx context.Context) error {
	const most = 10_000
	var holder string
	err := s.db.GetContext(ctx, &holder, `
		SELECT 'webhook ' || id FROM (
			(SELECT id, authentication, signing_secret, previous_signing_secret FROM webhooks ORDER BY id LIMIT $2)
			UNION ALL
			(SELECT id, authentication, signing_secret, previous_signing_secret FROM webhooks ORDER BY id DESC LIMIT $2)
		) AS looked_at
		WHERE substring(authentication for 4) <> ALL($1) OR substring(signing_secret for 4) <> ALL($1)
			OR substring(previous_signing_secret for 4) <> ALL($1)
		UNION ALL
		SELECT 'alert channel ' || id FROM (
			(SELECT id, address FROM alert_channels ORDER BY id LIMIT $2)
			UNION ALL
			(SELECT id, address FROM alert_channels ORDER BY id DESC LIMIT $2)
		) AS looked_at WHERE substring(address for 4) <> ALL($1)
		LIMIT 1`, pq.ByteaArray(s.keys.IDs()), most)
	switch {
	case errors.Is(err, errNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("check the encryption key: %w", err)
	}
	return fmt.Errorf("the database holds secrets that were encrypted with another --encryption-key, such as those of %s; "+
		"give that key, as --encryption-key or among --previous-encryption-keys", holder)
}
