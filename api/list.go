package api

import (
	"net/http"

	"github.com/durahook/durahook/store"
)

// list is how every list is answered.
type list[T any] struct {
	Data       []T     `json:"data"`
	NextCursor *string `json:"next_cursor"` // null on the last page
}

// answerList answers with a page of a list, or with what is wrong with the query. One row more than the page has
// is looked for, to know whether there is a next page; its cursor is that of the last row.
func answerList[Row, Item any](
	q *query, page store.Page, find func(store.Page) ([]Row, error), item func(Row) Item, cursor func(Row) string,
) (int, any, error) {
	if err := q.fields.Err(); err != nil {
		return 0, nil, err
	}
	limit := page.Limit
	page.Limit++
	rows, err := find(page)
	if err != nil {
		return 0, nil, err
	}
	answer := list[Item]{Data: make([]Item, 0, len(rows))}
	if len(rows) > limit {
		rows = rows[:limit]
		last := cursor(rows[limit-1])
		answer.NextCursor = &last
	}
	for _, row := range rows {
		answer.Data = append(answer.Data, item(row))
	}
	return http.StatusOK, answer, nil
}
