package console

// A page is to stay under 100 KB with all that it loads, so lists have this many entries a page, and selects offer at
// most so many choices; what else there is can be searched for.
const (
	pageSize    = 25
	mostOffered = 30
	// mostListed is how many event types a form lists, beside those that are chosen; others are written.
	mostListed = 100
)

// pager leads from a page of a list to others. The pages of lists embed it, for the template of the same name.
type pager struct {
	OlderURL  string // empty on the last page
	NewestURL string // empty on the first page
	ByName    bool   // the list is not by time
}

// onePage returns what is shown of found, of which one more than a page has was looked up, if there is, and the way to
// other pages. at returns the address of the page after the entry with an ID, or of the first one.
func onePage[T any](found []T, size int, cursor string, id func(T) string, at func(cursor string) string) ([]T, pager) {
	var ways pager
	if len(found) > size {
		found = found[:size]
		ways.OlderURL = at(id(found[size-1]))
	}
	if cursor != "" {
		ways.NewestURL = at("")
	}
	return found, ways
}

// after returns the address of the page of a list after the entry with the ID cursor, or of its first one.
func after(path string) func(cursor string) string {
	return func(cursor string) string {
		if cursor == "" {
			return path
		}
		return path + "?cursor=" + cursor
	}
}

// offered returns the options of a select, or, where they are more than it is good for, the first few, to suggest them
// for a field.
func offered(options []option) (shown []option, many bool) {
	if len(options) <= mostListed {
		return options, false
	}
	return options[:mostOffered], true
}
