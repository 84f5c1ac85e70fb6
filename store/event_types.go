package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

// eventTypeRow is an event type as it lies in the table: a built-in one only when the account changed it.
type eventTypeRow struct {
	AccountID    string     `db:"account_id"`
	Name         string     `db:"name"`
	Description  *string    `db:"description"`
	Example      *string    `db:"example"`
	Schema       *string    `db:"schema"`
	DeprecatedAt *time.Time `db:"deprecated_at"`
	CreatedAt    time.Time  `db:"created_at"`
	UpdatedAt    time.Time  `db:"updated_at"`
}

const eventTypeColumns = `account_id, name, description, example, schema, deprecated_at, created_at, updated_at`

// eventType returns the event type, with what the row leaves to the built-in one.
func (row eventTypeRow) eventType() webhook.EventType {
	t, builtIn := webhook.BuiltIn(row.Name)
	if !builtIn {
		t = webhook.EventType{Name: row.Name}
	}
	t.AccountID, t.DeprecatedAt, t.CreatedAt, t.UpdatedAt = row.AccountID, row.DeprecatedAt, &row.CreatedAt, &row.UpdatedAt
	if row.Description != nil {
		t.Description = *row.Description
	}
	if row.Example != nil {
		t.Example = []byte(*row.Example)
	}
	if row.Schema != nil {
		t.Schema = webhook.NewSchema([]byte(*row.Schema))
	}
	return t
}

func newEventTypeRow(t webhook.EventType) eventTypeRow {
	row := eventTypeRow{AccountID: t.AccountID, Name: t.Name, DeprecatedAt: t.DeprecatedAt}
	before, builtIn := webhook.BuiltIn(t.Name)
	if example := string(t.Example); !builtIn || example != string(before.Example) {
		row.Example = &example
	}
	if !builtIn || t.Description != before.Description {
		row.Description = &t.Description
	}
	if t.Schema != nil {
		schema := string(t.Schema.Text())
		row.Schema = &schema
	}
	return row
}

// EventType returns one event type of the account's catalogue. Not found: it has none with this name.
func (s *Store) EventType(ctx context.Context, accountID, name string) (webhook.EventType, error) {
	return eventType(ctx, s.db, accountID, name)
}

func eventType(ctx context.Context, from sqlx.QueryerContext, accountID, name string) (webhook.EventType, error) {
	if !webhook.IsEventTypeName(name) {
		return webhook.EventType{}, webhook.NoEventType(name)
	}
	var row eventTypeRow
	err := sqlx.GetContext(ctx, from, &row,
		`SELECT `+eventTypeColumns+` FROM event_types WHERE account_id = $1 AND name = $2`, accountID, name)
	if err == nil {
		return row.eventType(), nil
	}
	if !errors.Is(err, errNoRows) {
		return webhook.EventType{}, fmt.Errorf("find event type: %w", err)
	}
	t, builtIn := webhook.BuiltIn(name)
	if !builtIn {
		return webhook.EventType{}, webhook.NoEventType(name)
	}
	t.AccountID = accountID
	return t, nil
}

// EventTypes returns a page of the account's catalogue, by name. Page.Before is the last name of the page
// before.
func (s *Store) EventTypes(ctx context.Context, accountID string, page Page) ([]webhook.EventType, error) {
	return s.SearchEventTypes(ctx, accountID, "", page)
}

// SearchEventTypes is EventTypes of those that have a text in their name or description, in capitals or not; of all with
// an empty text.
func (s *Store) SearchEventTypes(ctx context.Context, accountID, text string, page Page) ([]webhook.EventType, error) {
	byName := map[string]webhook.EventType{}
	var builtIn pq.StringArray
	for _, t := range webhook.BuiltInEventTypes() {
		if t.Name > page.Before {
			t.AccountID = accountID
			byName[t.Name] = t
			builtIn = append(builtIn, t.Name)
		}
	}
	// Of built-in types, a row may not say how they are described. What of them doesn't match is left out below.
	var rows []eventTypeRow
	err := s.db.SelectContext(ctx, &rows, `
		SELECT `+eventTypeColumns+` FROM event_types
		WHERE account_id = $1 AND name > $2
			AND (strpos(name, lower($4)) > 0 OR strpos(lower(description), lower($4)) > 0 OR name = ANY($5))
		ORDER BY name LIMIT $3`,
		accountID, page.Before, page.Limit+len(builtIn), text, builtIn)
	if err != nil {
		return nil, fmt.Errorf("list event types: %w", err)
	}
	for _, row := range rows {
		byName[row.Name] = row.eventType()
	}
	types := make([]webhook.EventType, 0, len(byName))
	for _, t := range byName {
		if t.Mentions(text) {
			types = append(types, t)
		}
	}
	slices.SortFunc(types, func(a, b webhook.EventType) int { return strings.Compare(a.Name, b.Name) })
	// A built-in type behind the last row may be one with a row that the page has no room for.
	return types[:min(len(types), page.Limit)], nil
}

// EventTypeNames returns the names in the account's catalogue.
func (s *Store) EventTypeNames(ctx context.Context, accountID string) ([]string, error) {
	names := builtInNames()
	var own []string
	err := s.db.SelectContext(ctx, &own,
		`SELECT name FROM event_types WHERE account_id = $1 AND name <> ALL ($2) ORDER BY name`, accountID, pq.StringArray(names))
	if err != nil {
		return nil, fmt.Errorf("list names of event types: %w", err)
	}
	return append(names, own...), nil
}

// CreateEventType inserts an event type and fills in when it was created. Conflict: there is one with this
// name, or the account has as many as it can have.
func (s *Store) CreateEventType(ctx context.Context, t *webhook.EventType) error {
	return s.changeCatalogue(ctx, t.AccountID, func(tx *sqlx.Tx) error {
		_, err := eventType(ctx, tx, t.AccountID, t.Name)
		if err == nil {
			return webhook.Taken("There is an event type " + t.Name + " already.")
		}
		if !isNotFound(err) {
			return err
		}
		if err := checkRoomForEventType(ctx, tx, t.AccountID); err != nil {
			return err
		}
		*t, err = writeEventType(ctx, tx, *t)
		return err
	})
}

// UpdateEventType changes an event type of the account's catalogue and returns it as it is then. The function
// change gets it as it is and may refuse. Of a built-in one, the account gets a version of its own.
func (s *Store) UpdateEventType(ctx context.Context, accountID, name string, change func(t *webhook.EventType) error) (t webhook.EventType, err error) {
	err = s.changeCatalogue(ctx, accountID, func(tx *sqlx.Tx) error {
		if t, err = eventType(ctx, tx, accountID, name); err != nil {
			return err
		}
		if err := change(&t); err != nil {
			return err
		}
		t, err = writeEventType(ctx, tx, t)
		return err
	})
	return t, err
}

// DeleteEventType takes an event type of its own away from the account. Conflict: it is a built-in one, or a
// webhook of the account names it.
func (s *Store) DeleteEventType(ctx context.Context, accountID, name string) error {
	if _, builtIn := webhook.BuiltIn(name); builtIn {
		return &webhook.Error{Code: webhook.CodeConflict, Message: "The event type " + name + " is built in and cannot be deleted; deprecate it instead."}
	}
	return s.changeCatalogue(ctx, accountID, func(tx *sqlx.Tx) error {
		if _, err := eventType(ctx, tx, accountID, name); err != nil {
			return err
		}
		// Webhooks that are just being made to name it hold its row, see holdEventTypes: wait for them first, so
		// that the next statement sees them.
		_, err := tx.ExecContext(ctx, `SELECT FROM event_types WHERE account_id = $1 AND name = $2 FOR UPDATE`, accountID, name)
		if err != nil {
			return fmt.Errorf("lock event type: %w", err)
		}
		var webhookID string
		err = tx.GetContext(ctx, &webhookID, `
			SELECT id FROM webhooks WHERE account_id = $1 AND deleted_at IS NULL AND $2 = ANY (events) ORDER BY id LIMIT 1`,
			accountID, name)
		switch {
		case err == nil:
			return &webhook.Error{Code: webhook.CodeConflict, Message: "The webhook " + webhookID + " names the event type " + name +
				"; take it out of its events first, or deprecate the event type instead."}
		case !errors.Is(err, errNoRows):
			return fmt.Errorf("find webhooks of event type: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM event_types WHERE account_id = $1 AND name = $2`, accountID, name); err != nil {
			return fmt.Errorf("delete event type: %w", err)
		}
		return nil
	})
}

// holdEventTypes keeps the event types that a webhook names from being deleted until the transaction ends.
// Invalid: one was deleted since the webhook was checked.
func holdEventTypes(ctx context.Context, tx *sqlx.Tx, accountID string, events []string) error {
	named := webhook.NamedEventTypes(events)
	if len(named) == 0 {
		return nil
	}
	var held []string
	err := tx.SelectContext(ctx, &held, `
		SELECT name FROM event_types WHERE account_id = $1 AND name = ANY ($2) ORDER BY name FOR KEY SHARE`,
		accountID, pq.StringArray(named))
	if err != nil {
		return fmt.Errorf("hold event types: %w", err)
	}
	var fields webhook.Fields
	for i, name := range events {
		if slices.Contains(named, name) && !slices.Contains(held, name) {
			fields.Add(fmt.Sprintf("/events/%d", i), "is not a known event type; it has just been deleted")
		}
	}
	return fields.Err()
}

// changeCatalogue runs do in a transaction while nobody else changes the account's catalogue. The lock is one
// that publishing doesn't wait for.
func (s *Store) changeCatalogue(ctx context.Context, accountID string, do func(tx *sqlx.Tx) error) error {
	return s.inTx(ctx, func(tx *sqlx.Tx) error {
		if err := lockAccount(ctx, tx, accountID); err != nil {
			return err
		}
		return do(tx)
	})
}

func checkRoomForEventType(ctx context.Context, tx *sqlx.Tx, accountID string) error {
	var own int
	err := tx.GetContext(ctx, &own,
		`SELECT count(*) FROM event_types WHERE account_id = $1 AND name <> ALL ($2)`, accountID, pq.StringArray(builtInNames()))
	if err != nil {
		return fmt.Errorf("count event types: %w", err)
	}
	if own >= webhook.MaxEventTypes {
		return &webhook.Error{Code: webhook.CodeConflict, Message: fmt.Sprintf(
			"The account has %d event types of its own already, the most it can have; delete one that nobody uses.", webhook.MaxEventTypes)}
	}
	return nil
}

// writeEventType inserts or replaces an event type and returns it as it lies in the table.
func writeEventType(ctx context.Context, tx *sqlx.Tx, t webhook.EventType) (webhook.EventType, error) {
	row := newEventTypeRow(t)
	err := tx.GetContext(ctx, &row, `
		INSERT INTO event_types (account_id, name, description, example, schema, deprecated_at)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account_id, name) DO UPDATE SET
			description = $3, example = $4, schema = $5, deprecated_at = $6, updated_at = now()
		RETURNING `+eventTypeColumns,
		row.AccountID, row.Name, row.Description, row.Example, row.Schema, row.DeprecatedAt)
	if err != nil {
		return webhook.EventType{}, fmt.Errorf("write event type: %w", err)
	}
	return row.eventType(), nil
}

func builtInNames() []string {
	var names []string
	for _, t := range webhook.BuiltInEventTypes() {
		names = append(names, t.Name)
	}
	return names
}

func isNotFound(err error) bool {
	var domain *webhook.Error
	return errors.As(err, &domain) && domain.Code == webhook.CodeNotFound
}
