package store

import (
	"database/sql/driver"
	"encoding/hex"
	"strconv"
	"time"
)

// column is a column of the rows that a statement works on, as the text of a Postgres array: one element for each
// row. The zero value has no rows.
type column struct{ text []byte }

// Value is what the driver sends.
func (c column) Value() (driver.Value, error) {
	if len(c.text) == 0 {
		return "{}", nil
	}
	return string(c.text) + "}", nil
}

func (c *column) next() {
	if len(c.text) == 0 {
		c.text = append(c.text, '{')
		return
	}
	c.text = append(c.text, ',')
}

func (c *column) null() {
	c.next()
	c.text = append(c.text, "NULL"...)
}

func (c *column) string(s string) {
	c.next()
	c.text = append(c.text, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			c.text = append(c.text, '\\')
		}
		c.text = append(c.text, s[i])
	}
	c.text = append(c.text, '"')
}

func (c *column) int(n int64) {
	c.next()
	c.text = strconv.AppendInt(c.text, n, 10)
}

func (c *column) bytes(b []byte) {
	if b == nil {
		c.null()
		return
	}
	c.next()
	c.text = append(c.text, `"\\x`...)
	c.text = append(hex.AppendEncode(c.text, b), '"')
}

func (c *column) time(t time.Time) {
	c.next()
	c.text = append(c.text, '"')
	c.text = append(t.UTC().AppendFormat(c.text, "2006-01-02 15:04:05.999999999Z07:00"), '"')
}

// The elements of these are null where there is nothing.

func (c *column) maybeString(s *string) {
	if s == nil {
		c.null()
		return
	}
	c.string(*s)
}

func (c *column) maybeInt(n *int) {
	if n == nil {
		c.null()
		return
	}
	c.int(int64(*n))
}

func (c *column) maybeTime(t *time.Time) {
	if t == nil {
		c.null()
		return
	}
	c.time(*t)
}
