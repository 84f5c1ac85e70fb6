package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

// alertChannelRow is an alert channel as it lies in the table.
type alertChannelRow struct {
	ID         string         `db:"id"`
	AccountID  string         `db:"account_id"`
	Name       string         `db:"name"`
	Type       string         `db:"type"`
	Events     pq.StringArray `db:"events"`
	Address    []byte         `db:"address"`
	LastSentAt *time.Time     `db:"last_sent_at"`
	LastError  string         `db:"last_error"`
	CreatedAt  time.Time      `db:"created_at"`
	UpdatedAt  time.Time      `db:"updated_at"`
}

const alertChannelColumns = `id, account_id, name, type, events, address, last_sent_at, last_error, created_at, updated_at`

// alertAddressOwner is whose the address of a channel is, as associated data of its encryption.
func alertAddressOwner(accountID, channelID string) string {
	return accountID + "/" + channelID + "/address"
}

func (s *Store) sealAlertAddress(c *webhook.AlertChannel) ([]byte, error) {
	text, err := json.Marshal(c.Address)
	if err != nil {
		return nil, fmt.Errorf("encode address of alert channel: %w", err)
	}
	return s.keys.Seal(text, alertAddressOwner(c.AccountID, c.ID))
}

func (s *Store) openAlertChannel(row alertChannelRow) (webhook.AlertChannel, error) {
	c := webhook.AlertChannel{
		ID: row.ID, AccountID: row.AccountID, Name: row.Name, Type: webhook.AlertType(row.Type), Events: row.Events,
		LastSent: row.LastSentAt, LastError: row.LastError, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
	}
	text, err := s.keys.Open(row.Address, alertAddressOwner(row.AccountID, row.ID))
	if err != nil {
		return webhook.AlertChannel{}, err
	}
	if err := json.Unmarshal(text, &c.Address); err != nil {
		return webhook.AlertChannel{}, fmt.Errorf("decode address of %s: %w", row.ID, err)
	}
	return c, nil
}

// CreateAlertChannel inserts the channel and fills in when it was created and updated. Conflict: the account has as
// many as it can have.
func (s *Store) CreateAlertChannel(ctx context.Context, c *webhook.AlertChannel) error {
	address, err := s.sealAlertAddress(c)
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(tx *sqlx.Tx) error {
		if err := checkRoomForAlertChannel(ctx, tx, c.AccountID); err != nil {
			return err
		}
		err := tx.QueryRowxContext(ctx, `
			INSERT INTO alert_channels (id, account_id, name, type, events, address) VALUES ($1, $2, $3, $4, $5, $6)
			RETURNING created_at, updated_at`, c.ID, c.AccountID, c.Name, c.Type, pq.StringArray(c.Events), address,
		).Scan(&c.CreatedAt, &c.UpdatedAt)
		if err != nil {
			return fmt.Errorf("insert alert channel: %w", err)
		}
		return nil
	})
}

func checkRoomForAlertChannel(ctx context.Context, tx *sqlx.Tx, accountID string) error {
	if err := lockAccount(ctx, tx, accountID); err != nil {
		return err
	}
	var channels int
	if err := tx.GetContext(ctx, &channels, `SELECT count(*) FROM alert_channels WHERE account_id = $1`, accountID); err != nil {
		return fmt.Errorf("count alert channels: %w", err)
	}
	if channels >= webhook.MaxAlertChannels {
		return &webhook.Error{Code: webhook.CodeConflict, Message: fmt.Sprintf(
			"The account has %d alert channels already, the most it can have; delete one that nobody reads.", webhook.MaxAlertChannels)}
	}
	return nil
}

// AlertChannel returns one alert channel of the account.
func (s *Store) AlertChannel(ctx context.Context, accountID, id string) (webhook.AlertChannel, error) {
	return s.findAlertChannel(ctx, `account_id = $1 AND id = $2`, id, accountID, id)
}

// AlertChannelByID returns one alert channel of whichever account, for what is to be sent to it.
func (s *Store) AlertChannelByID(ctx context.Context, id string) (webhook.AlertChannel, error) {
	return s.findAlertChannel(ctx, `id = $1`, id, id)
}

func (s *Store) findAlertChannel(ctx context.Context, condition, id string, arguments ...any) (webhook.AlertChannel, error) {
	var row alertChannelRow
	err := s.db.GetContext(ctx, &row, `SELECT `+alertChannelColumns+` FROM alert_channels WHERE `+condition, arguments...)
	if err != nil {
		return webhook.AlertChannel{}, fmt.Errorf("find alert channel: %w", notFound(err, webhook.AlertChannelPrefix, id))
	}
	return s.openAlertChannel(row)
}

// AlertChannels returns a page of the account's alert channels, newest first.
func (s *Store) AlertChannels(ctx context.Context, accountID string, page Page) ([]webhook.AlertChannel, error) {
	var rows []alertChannelRow
	err := s.db.SelectContext(ctx, &rows, `
		SELECT `+alertChannelColumns+` FROM alert_channels WHERE account_id = $1 AND ($2 = '' OR id < $2)
		ORDER BY id DESC LIMIT $3`, accountID, page.Before, page.Limit)
	if err != nil {
		return nil, fmt.Errorf("list alert channels: %w", err)
	}
	channels := make([]webhook.AlertChannel, 0, len(rows))
	for _, row := range rows {
		c, err := s.openAlertChannel(row)
		if err != nil {
			return nil, err
		}
		channels = append(channels, c)
	}
	return channels, nil
}

// UpdateAlertChannel changes an alert channel of the account and returns it as it is then. The function change gets
// it as it is and may refuse; it runs again when somebody else changed it meanwhile.
func (s *Store) UpdateAlertChannel(ctx context.Context, accountID, id string, change func(c *webhook.AlertChannel) error) (webhook.AlertChannel, error) {
	for range updateTries {
		before, err := s.AlertChannel(ctx, accountID, id)
		if err != nil {
			return webhook.AlertChannel{}, err
		}
		c := before
		c.Events = slices.Clone(before.Events)
		if err := change(&c); err != nil {
			return webhook.AlertChannel{}, err
		}
		if reflect.DeepEqual(before, c) {
			return before, nil
		}
		address, err := s.sealAlertAddress(&c)
		if err != nil {
			return webhook.AlertChannel{}, err
		}
		err = s.db.QueryRowxContext(ctx, `
			UPDATE alert_channels SET name = $4, events = $5, address = $6, updated_at = clock_timestamp()
			WHERE account_id = $1 AND id = $2 AND updated_at = $3 RETURNING updated_at`,
			accountID, id, before.UpdatedAt, c.Name, pq.StringArray(c.Events), address).Scan(&c.UpdatedAt)
		if !errors.Is(err, errNoRows) {
			if err != nil {
				err = fmt.Errorf("update alert channel: %w", err)
			}
			return c, err
		}
	}
	return webhook.AlertChannel{}, &webhook.Error{Code: webhook.CodeConflict, Message: "The alert channel is being changed by others at the same moment; try again."}
}

// DeleteAlertChannel takes an alert channel away from the account, with the alerts that are on their way to it.
func (s *Store) DeleteAlertChannel(ctx context.Context, accountID, id string) error {
	result, err := s.db.ExecContext(ctx, `DELETE FROM alert_channels WHERE account_id = $1 AND id = $2`, accountID, id)
	if err != nil {
		return fmt.Errorf("delete alert channel: %w", err)
	}
	if deleted, err := result.RowsAffected(); err != nil || deleted == 0 {
		return errors.Join(err, notFound(errNoRows, webhook.AlertChannelPrefix, id))
	}
	return nil
}
