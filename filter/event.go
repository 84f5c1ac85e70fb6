package filter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Event is a published event as filters see it. It is read once, however many filters look at it.
type Event struct {
	variables map[string]any
}

// Read returns an event for filters, out of its name, its time and the published JSON, which was found to be
// right.
func Read(event string, timestamp time.Time, payload []byte) (Event, error) {
	var published struct {
		Data map[string]any `json:"data"`
	}
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	if err := decoder.Decode(&published); err != nil {
		return Event{}, fmt.Errorf("read the data of an event: %w", err)
	}
	data := make(map[string]any, len(published.Data))
	for name, value := range published.Data {
		data[name] = native(value)
	}
	return Event{variables: map[string]any{"event": event, "timestamp": timestamp, "data": data}}, nil
}

// native replaces the numbers in decoded JSON by those that CEL has. JSON doesn't tell integers from others;
// CEL does, but compares them with each other.
func native(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			v[name] = native(member)
		}
	case []any:
		for i, element := range v {
			v[i] = native(element)
		}
	case json.Number:
		return number(v.String())
	}
	return value
}

func number(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // out of range it is infinite, or zero
		return nil
	}
	return f
}
