package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

// DeliveryFilter narrows a list of deliveries; empty fields don't.
type DeliveryFilter struct {
	WebhookID   string
	EventID     string
	Event       string
	Status      webhook.Status
	StatusCodes StatusCodes // of the last attempt
	Since       time.Time   // created then or later
	Until       time.Time   // created before
	Query       string      // the ID of an event, delivery or webhook, or a value in the event's data
}

// StatusCodes are the codes from one to another, both included. The zero value is no filter.
type StatusCodes struct{ From, To int }

// ParseStatusCodes reads a status code, such as 503, or a class of them, such as 5xx; ok is false for what is
// neither.
func ParseStatusCodes(text string) (codes StatusCodes, ok bool) {
	const class = 100
	code, err := strconv.Atoi(strings.TrimSuffix(text, "xx"))
	switch {
	case err != nil || text[0] < '1' || text[0] > '5':
		return StatusCodes{}, false
	case len(text) == 3 && strings.HasSuffix(text, "xx"):
		return StatusCodes{From: code * class, To: code*class + class - 1}, true
	case len(text) == 3:
		return StatusCodes{From: code, To: code}, true
	default:
		return StatusCodes{}, false
	}
}

// String is the inverse of [ParseStatusCodes]; it is empty for no filter.
func (c StatusCodes) String() string {
	const class = 100
	switch {
	case c == StatusCodes{}:
		return ""
	case c.From == c.To:
		return strconv.Itoa(c.From)
	default:
		return strconv.Itoa(c.From/class) + "xx"
	}
}

const codeColumn = "status_code"

func (c StatusCodes) lanes() pq.Int64Array {
	codes := pq.Int64Array{}
	for code := c.From; code <= c.To; code++ {
		codes = append(codes, int64(code))
	}
	return codes
}

// Deliveries returns a page of the account's deliveries, newest first.
func (s *Store) Deliveries(ctx context.Context, accountID string, filter DeliveryFilter, page Page) ([]webhook.Delivery, error) {
	deliveries := []webhook.Delivery{}
	query, err := s.deliveriesStatement(ctx, accountID, filter, page)
	if err != nil || query == nil {
		return deliveries, err
	}
	if err := s.db.SelectContext(ctx, &deliveries, query.text.String(), query.args...); err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	return deliveries, nil
}

// deliveriesStatement returns the statement that lists a page; nil when it is known to be empty.
func (s *Store) deliveriesStatement(ctx context.Context, accountID string, filter DeliveryFilter, page Page) (*statement, error) {
	column, values := "", []string(nil) // with few rows each
	switch q := filter.Query; {
	case q == "":
	case webhook.CheckID(webhook.DeliveryPrefix, q) == nil:
		column, values = "id", []string{q}
	case webhook.CheckID(webhook.EventPrefix, q) == nil:
		column, values = "event_id", []string{q}
	case webhook.CheckID(webhook.WebhookPrefix, q) == nil:
		if filter.WebhookID != "" && filter.WebhookID != q {
			return nil, nil //nolint:nilnil // a webhook's deliveries are not another's
		}
		filter.WebhookID = q
	default:
		ids, err := s.eventsWith(ctx, accountID, q)
		if err != nil || len(ids) == 0 {
			return nil, err
		}
		column, values = "event_id", ids
	}
	if filter.EventID != "" && column == "" {
		column, values = "event_id", []string{filter.EventID}
	}
	l := filter.list(accountID, page)
	if column != "" {
		return l.among(deliveryRows, column, values), nil
	}
	return l.along(deliveryRows, filter.walk(accountID)), nil
}

const deliveryRows = `SELECT ` + deliveryColumns + ` FROM (%s) d JOIN webhooks w ON w.id = d.webhook_id ORDER BY d.id DESC`

func (f DeliveryFilter) list(accountID string, page Page) list {
	l := list{
		table: "deliveries", prefix: webhook.DeliveryPrefix, where: []equal{{accountColumn, accountID}},
		codes: f.StatusCodes, span: span{f.Since, f.Until}, page: page,
	}
	for _, condition := range []equal{
		{"webhook_id", f.WebhookID}, {"event_id", f.EventID}, {"event", f.Event}, {"status", string(f.Status)},
	} {
		if condition.value != "" {
			l.where = append(l.where, condition)
		}
	}
	return l
}

// walk chooses the index that leaves the least to look through.
func (f DeliveryFilter) walk(accountID string) walk {
	owner := equal{accountColumn, accountID}
	if f.WebhookID != "" {
		owner = equal{"webhook_id", f.WebhookID}
	}
	statuses := pq.StringArray{string(f.Status)}
	if f.Status == "" {
		statuses = statusTexts()
	}
	switch {
	case f.StatusCodes != (StatusCodes{}):
		return walk{owner, nil, codeColumn, f.StatusCodes.lanes()}
	case f.Event != "" && f.WebhookID == "":
		return walk{owner, []equal{{"event", f.Event}}, "status", statuses}
	default:
		return walk{owner, nil, "status", statuses}
	}
}

func statusTexts() pq.StringArray {
	texts := pq.StringArray{}
	for _, status := range webhook.Statuses() {
		texts = append(texts, string(status))
	}
	return texts
}
