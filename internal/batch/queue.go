package batch

import "slices"

// queue holds what waits, by its key. The zero value is empty.
type queue[T comparable] struct {
	byKey  map[string][]weighed[T]
	keys   []string // those that something waits for, the next one's turn first
	weight int      // of all
}

type weighed[T comparable] struct {
	item   T
	weight int
}

func (q *queue[T]) push(key string, item T, weight int) {
	if q.byKey == nil {
		q.byKey = make(map[string][]weighed[T])
	}
	if len(q.byKey[key]) == 0 {
		q.keys = append(q.keys, key)
	}
	q.byKey[key] = append(q.byKey[key], weighed[T]{item, weight})
	q.weight += weight
}

// take returns what fits into a batch, at least one item if there is any: the keys take turns, and each key's items
// come in their order.
func (q *queue[T]) take(most int) (taken []T) {
	weight := 0
	for len(q.keys) > 0 {
		key := q.keys[0]
		next := q.byKey[key][0]
		if len(taken) > 0 && weight+next.weight > most {
			return taken
		}
		taken = append(taken, next.item)
		weight += next.weight
		q.weight -= next.weight
		q.keys = q.keys[1:]
		if rest := q.byKey[key][1:]; len(rest) > 0 {
			q.byKey[key] = rest
			q.keys = append(q.keys, key)
		} else {
			delete(q.byKey, key)
		}
	}
	return taken
}

// remove takes out an item that waits no longer; one that has been taken already is not missed.
func (q *queue[T]) remove(key string, item T) {
	items := q.byKey[key]
	at := slices.IndexFunc(items, func(w weighed[T]) bool { return w.item == item })
	if at < 0 {
		return
	}
	q.weight -= items[at].weight
	if len(items) > 1 {
		q.byKey[key] = slices.Delete(items, at, at+1)
		return
	}
	delete(q.byKey, key)
	q.keys = slices.DeleteFunc(q.keys, func(k string) bool { return k == key })
}
