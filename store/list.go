package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

// span is a stretch of time, from since to just before until. A zero time is no bound.
type span struct{ since, until time.Time }

// idSlack is how far the time in an ID may be from the row's created_at: the one is that of the process
// that made the ID, the other that of the database when the transaction began.
const idSlack = 10 * time.Second

// ids returns the range of IDs with this prefix, from low to just before high, in which everything lies that
// was created in the span and comes after the page's place in the list.
func (s span) ids(prefix string, page Page) (low, high string) {
	low, high = prefix, prefix+"~" // before the first and after the last
	if !s.since.IsZero() {
		low = webhook.FirstID(prefix, s.since.Add(-idSlack))
	}
	if !s.until.IsZero() {
		high = webhook.FirstID(prefix, s.until.Add(idSlack))
	}
	if page.Before != "" {
		high = min(high, page.Before)
	}
	return low, high
}

// equal is a condition: a column has a value.
type equal struct {
	column string
	value  any
}

// list asks for a page of the rows of a table that meet all conditions, newest first.
type list struct {
	table, prefix string
	where         []equal
	codes         StatusCodes
	span          span
	page          Page
}

// walk is a way through an index of a table: on the column of owner, those of fixed, then column, then id.
type walk struct {
	owner  equal
	fixed  []equal
	column string // empty: there is none
	lanes  any    // an array of the values of column to go through
}

func (w walk) columns() []string {
	columns := []string{w.owner.column, w.column}
	for _, condition := range w.fixed {
		columns = append(columns, condition.column)
	}
	return columns
}

// statement is SQL with its arguments.
type statement struct {
	text strings.Builder
	args []any
}

// within puts the statement into a text, for %s.
func (s *statement) within(text string) *statement {
	whole := &statement{args: s.args}
	fmt.Fprintf(&whole.text, text, s.text.String())
	return whole
}

// write adds text, with the placeholder of an argument wherever it has %s.
func (s *statement) write(text string, args ...any) {
	placeholders := make([]any, len(args))
	for i, arg := range args {
		s.args = append(s.args, arg)
		placeholders[i] = fmt.Sprintf("$%d", len(s.args))
	}
	fmt.Fprintf(&s.text, text, placeholders...)
}

// conditions adds those that the columns of an index don't see to.
func (s *statement) conditions(l list, indexed ...string) {
	for _, condition := range l.where {
		if !slices.Contains(indexed, condition.column) {
			s.write(" AND "+condition.column+" = %s", condition.value)
		}
	}
	if l.codes != (StatusCodes{}) && !slices.Contains(indexed, codeColumn) {
		s.write(" AND "+codeColumn+" BETWEEN %s AND %s", l.codes.From, l.codes.To)
	}
	// What the range of IDs leaves in. CASE keeps Postgres from multiplying what it guesses of the two, as if
	// they had nothing to do with each other, and taking the rows for too few to go through in order.
	if !l.span.since.IsZero() {
		s.write(" AND CASE WHEN created_at >= %s THEN true ELSE false END", l.span.since)
	}
	if !l.span.until.IsZero() {
		s.write(" AND CASE WHEN created_at < %s THEN true ELSE false END", l.span.until)
	}
}

// along selects the list along an index, as part of the text rows. For each lane, it begins right at the page's
// place and ends after as many rows as the page has.
//
// That the owner is compared with an array, and sorted by, has a reason. "account_id = $1 ORDER BY id" could
// also be had by the primary key; Postgres would take that one, through all the rows of others and all those
// that don't match, when it deems the rows of this account many. It does not see that the array has one
// element and that the sorting says nothing; the order is then that of the right index alone.
func (l list) along(rows string, w walk) *statement {
	low, high := l.span.ids(l.prefix, l.page)
	s := new(statement)
	if w.column != "" {
		s.write("SELECT page.* FROM unnest(%s"+arrayType(w.lanes)+") AS lane (value) CROSS JOIN LATERAL (", w.lanes)
	}
	s.write("SELECT * FROM "+l.table+" WHERE "+w.owner.column+" = ANY(ARRAY[%s]) AND id >= %s AND id < %s", w.owner.value, low, high)
	for _, condition := range w.fixed {
		s.write(" AND "+condition.column+" = %s", condition.value)
	}
	if w.column != "" {
		s.write(" AND " + w.column + " = lane.value")
	}
	s.conditions(l, w.columns()...)
	s.write(" ORDER BY "+w.owner.column+" DESC, id DESC LIMIT %s", l.page.Limit)
	if w.column != "" {
		s.write(") AS page ORDER BY page.id DESC LIMIT %s", l.page.Limit)
	}
	return s.within(rows)
}

func arrayType(lanes any) string {
	if _, numbers := lanes.(pq.Int64Array); numbers {
		return "::int[]"
	}
	return "::text[]"
}

// among selects, as part of the text rows, the list among those that have one of a few values in a column with an index. These are
// all read before they are sorted.
func (l list) among(rows, column string, values []string) *statement {
	low, high := l.span.ids(l.prefix, l.page)
	s := new(statement)
	s.write("SELECT * FROM (SELECT * FROM "+l.table+" WHERE "+column+" = ANY(%s) AND id >= %s AND id < %s", pq.StringArray(values), low, high)
	s.conditions(l)
	s.write(" OFFSET 0) AS page ORDER BY id DESC LIMIT %s", l.page.Limit)
	return s.within(rows)
}

// mostFound is how many events a search may find.
const mostFound = 10_000

const searchStatement = `SELECT event_id FROM event_payloads WHERE search @> ARRAY[$1::bigint] LIMIT $2`

// eventsWith returns the IDs of the account's events that have a value in their data.
func (s *Store) eventsWith(ctx context.Context, accountID, value string) (ids []string, err error) {
	err = s.inTx(ctx, func(tx *sqlx.Tx) error {
		// A value that is in many events would be looked for in all payloads.
		if _, err := tx.ExecContext(ctx, `SET LOCAL enable_seqscan = off`); err != nil {
			return err
		}
		return tx.SelectContext(ctx, &ids, searchStatement, webhook.SearchTerm(accountID, value), mostFound+1)
	})
	if err != nil {
		return nil, fmt.Errorf("search events: %w", err)
	}
	if len(ids) > mostFound {
		var fields webhook.Fields
		fields.Add("/q", fmt.Sprintf("is in more than %d events; search for a value that tells them apart, such as a call's ID", mostFound))
		return nil, fields.Err()
	}
	return ids, nil
}
