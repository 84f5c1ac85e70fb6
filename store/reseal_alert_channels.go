package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// resealAlertChannels goes once through all alert channels and adds to done.
func (s *Store) resealAlertChannels(ctx context.Context, done *Resealed) error {
	for after := ""; ; {
		var now Resealed
		var rows []alertChannelRow
		err := s.inTx(ctx, func(tx *sqlx.Tx) error {
			err := tx.SelectContext(ctx, &rows, `
				SELECT id, account_id, address FROM alert_channels WHERE substring(address for 4) <> $1 AND id > $2
				ORDER BY id LIMIT $3 FOR NO KEY UPDATE`, s.keys.IDs()[0], after, resealBatch)
			if err != nil {
				return fmt.Errorf("look for addresses of alert channels to seal anew: %w", err)
			}
			for _, row := range rows {
				if err := s.resealAlertChannel(ctx, tx, row, &now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		done.AlertChannels += now.AlertChannels
		done.Secrets += now.Secrets
		done.Unopened = append(done.Unopened, now.Unopened...)
		if len(rows) == 0 {
			return nil
		}
		after = rows[len(rows)-1].ID
	}
}

func (s *Store) resealAlertChannel(ctx context.Context, tx *sqlx.Tx, row alertChannelRow, done *Resealed) error {
	owner := alertAddressOwner(row.AccountID, row.ID)
	opened, err := s.keys.Open(row.Address, owner)
	if err != nil { // which says no more than that
		done.Unopened = append(done.Unopened, row.ID)
		return nil //nolint:nilerr // the caller goes on with the others
	}
	address, err := s.keys.Seal(opened, owner)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE alert_channels SET address = $2 WHERE id = $1`, row.ID, address); err != nil {
		return fmt.Errorf("write address of %s: %w", row.ID, err)
	}
	done.AlertChannels++
	done.Secrets++
	return nil
}
