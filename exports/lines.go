package exports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/durahook/durahook/api/answers"
	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/webhook"
)

// Lines writes each event in a line of JSON, as the API shows it, with its account and its deliveries; those with their
// attempts. One delivery is in memory at a time.
type Lines struct {
	into       io.Writer
	open       bool // the list of an event's deliveries
	deliveries int  // in it
}

type eventLine struct {
	types.Event
	AccountID string          `json:"account_id"`
	ErasedAt  *time.Time      `json:"erased_at,omitempty"`
	Payload   json.RawMessage `json:"payload"`
}

type deliveryPart struct {
	types.Delivery
	Attempts []types.Attempt `json:"attempts"`
}

// Event begins the line of an event.
func (l *Lines) Event(event webhook.Event) error {
	if err := l.end(); err != nil {
		return err
	}
	head, err := encode(eventLine{answers.Event(event), event.AccountID, answers.UTC(event.ErasedAt), event.Payload})
	if err != nil {
		return fmt.Errorf("encode %s: %w", event.ID, err)
	}
	l.open, l.deliveries = true, 0
	return l.write(bytes.TrimSuffix(head, []byte("}")), []byte(`,"deliveries":[`))
}

// Delivery adds a delivery to the event that was begun last.
func (l *Lines) Delivery(d webhook.Delivery, attempts []webhook.Attempt) error {
	part, err := encode(deliveryPart{answers.Delivery(d), answers.Attempts(attempts)})
	if err != nil {
		return fmt.Errorf("encode %s: %w", d.ID, err)
	}
	l.deliveries++
	if l.deliveries > 1 {
		return l.write([]byte(","), part)
	}
	return l.write(part)
}

// end ends the line that was begun, if one was.
func (l *Lines) end() error {
	if !l.open {
		return nil
	}
	l.open = false
	return l.write([]byte("]}\n"))
}

func (l *Lines) write(parts ...[]byte) error {
	for _, part := range parts {
		if _, err := l.into.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// encode returns a value as JSON in one line, with the characters of texts as they are.
func encode(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}
