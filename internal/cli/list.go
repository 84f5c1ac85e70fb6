package cli

import (
	"encoding/json"
	"net/http"
)

// Paging are the flags of every command that lists.
type Paging struct {
	Limit  int    `short:"L" help:"Most entries to show, up to 250." default:"50" placeholder:"N"`
	Cursor string `help:"Show the page that begins at this cursor." placeholder:"CURSOR"`
	All    bool   `help:"Show all there are, page after page; as JSON one entry a line."`
}

// pageOf is one page of a list.
type pageOf struct {
	Data       []json.RawMessage `json:"data"`
	NextCursor *string           `json:"next_cursor"`
}

// fetcher asks for one page.
type fetcher func(limit *int, cursor *string) (*http.Response, error)

// list shows one page, or all. As JSON a page is what the API answers, as it is; with --all that would be
// several documents, and so each entry stands on a line of its own.
func list[T any](s *session, p Paging, none string, columns []column[T], fetch fetcher) error {
	if s.json && p.All {
		return s.eachPage(p, fetch, func(page pageOf) (bool, error) { return true, s.lines(page.Data) })
	}
	if s.json {
		a, err := s.answer(fetch(&p.Limit, optional(p.Cursor)))
		if err != nil {
			return err
		}
		return s.raw(a.body)
	}
	var values []T
	err := s.eachPage(p, fetch, func(page pageOf) (bool, error) {
		some, err := entries[T](page)
		values = append(values, some...)
		if err == nil && !p.All && page.NextCursor != nil {
			s.note("There are more: --all shows them, --cursor %s the next page.", *page.NextCursor)
		}
		return p.All, err
	})
	if err != nil {
		return err
	}
	if len(values) == 0 {
		s.note("%s", none)
		return nil
	}
	return s.write(tableOf(s, columns, values))
}

// eachPage hands over page after page, until there is no more or do says that it has enough.
func (s *session) eachPage(p Paging, fetch fetcher, do func(pageOf) (more bool, err error)) error {
	const largestPage = 250
	limit, cursor := p.Limit, optional(p.Cursor)
	if p.All {
		limit = largestPage
	}
	for {
		a, err := s.answer(fetch(&limit, cursor))
		if err != nil {
			return err
		}
		page, err := read[pageOf](a.body)
		if err != nil {
			return err
		}
		more, err := do(page)
		if err != nil || !more || page.NextCursor == nil {
			return err
		}
		cursor = page.NextCursor
	}
}

// lines prints JSON values, one a line.
func (s *session) lines(values []json.RawMessage) error {
	for _, value := range values {
		if err := s.raw(value); err != nil {
			return err
		}
	}
	return nil
}

// entries decodes the entries of a page.
func entries[T any](page pageOf) ([]T, error) {
	values := make([]T, len(page.Data))
	for i, entry := range page.Data {
		var err error
		if values[i], err = read[T](entry); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// tableOf returns values as a table with titles.
func tableOf[T any](s *session, columns []column[T], values []T) string {
	t := newTable(s, columns)
	rows := t.rows(values)
	return t.head() + rows
}

// optional returns nothing for an empty value, as requests want it.
func optional[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}
