package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/durahook/durahook/api/types"
)

// DeliveriesWatch follows one delivery, or all new ones.
type DeliveriesWatch struct {
	Remote `embed:""`
	ID     string `arg:"" optional:"" name:"delivery" help:"Delivery to follow (dlv_…): each attempt is shown, and the exit status is 0 if it is delivered in the end. Without it, new deliveries are shown as they come."`
	deliveryFilters
	Interval time.Duration `help:"How often to ask." default:"2s"`
}

// Run follows until the delivery is closed, or until it is told to stop.
func (c *DeliveriesWatch) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	if c.Interval <= 0 {
		return fmt.Errorf("--interval: %s is not more than nothing", c.Interval)
	}
	if c.ID == "" {
		return s.poll(c.Interval, newFollower(s, c.deliveryFilters).look)
	}
	if c.deliveryFilters != (deliveryFilters{}) {
		return errors.New("a delivery is followed by its ID or by filters, not both")
	}
	return s.poll(c.Interval, (&watcher{session: s, id: c.ID, table: newTable(s, attemptColumns())}).look)
}

// poll looks again and again until look says that it is done or fails. Once it has seen something, a server
// that is away for a while is waited for.
func (s *session) poll(interval time.Duration, look func() (done bool, err error)) error {
	for seen, away := false, false; ; {
		done, err := look()
		wait := interval
		var failed *failure
		switch {
		case err == nil:
			seen, away = true, false
		case !seen || !errors.As(err, &failed) || !failed.passing:
			return err
		default:
			wait = max(wait, failed.after)
			if !away {
				s.note("%s\n  Asking again until it answers.", err)
			}
			away = true
		}
		if done {
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-s.ctx.Done():
			timer.Stop()
			return s.ctx.Err()
		case <-timer.C:
		}
	}
}

// watcher follows one delivery.
type watcher struct {
	*session
	id    string
	table *table[types.Attempt]
	shown int // attempts
}

// look shows the attempts that are new and reports whether the delivery is closed. A delivery that is closed
// without having been delivered is an error.
func (w *watcher) look() (done bool, err error) {
	a, err := w.answer(w.api.GetDelivery(w.ctx, w.id))
	if err != nil {
		return false, err
	}
	raw, err := read[struct {
		Attempts []json.RawMessage `json:"attempts"`
	}](a.body)
	if err != nil {
		return false, err
	}
	delivery, err := read[types.DeliveryDetails](a.body)
	if err != nil {
		return false, err
	}
	if err := w.show(raw.Attempts, delivery.Attempts); err != nil {
		return false, err
	}
	switch delivery.Status {
	case types.DeliveryStatusPending, types.DeliveryStatusWaiting:
		return false, nil
	case types.DeliveryStatusDelivered:
		return true, nil
	case types.DeliveryStatusExhausted, types.DeliveryStatusCancelled, types.DeliveryStatusDiscarded:
	}
	return true, fmt.Errorf("the delivery is %s", delivery.Status)
}

// show shows the attempts beyond those shown before.
func (w *watcher) show(raw []json.RawMessage, attempts []types.Attempt) error {
	from := min(w.shown, len(attempts))
	first := w.shown == 0
	w.shown = len(attempts)
	if w.json {
		return w.lines(raw[from:])
	}
	if from == len(attempts) {
		return nil
	}
	rows := w.table.rows(attempts[from:])
	if first {
		rows = w.table.head() + rows
	}
	return w.write(rows)
}

// follower follows the deliveries that come.
type follower struct {
	*session
	filters deliveryFilters
	since   time.Time
	quiet   bool            // whether what is found is not new
	seen    map[string]bool // IDs of the deliveries of the last look
	table   *table[types.Delivery]
}

// overlap is how far each look goes back: what is made at one moment may be there to see only later, when its
// transaction ends, and clocks differ.
const overlap = time.Minute

// newFollower returns a follower of the deliveries that come from now on, or of those since the time that the
// filters name.
func newFollower(s *session, filters deliveryFilters) *follower {
	f := &follower{session: s, filters: filters, since: time.Now().UTC().Add(-overlap), quiet: true}
	if filters.Since != nil {
		f.since, f.quiet = filters.Since.Time, false
	}
	return f
}

// look shows the deliveries that are new since the last look.
func (f *follower) look() (done bool, err error) {
	params := f.filters.params()
	params.Since = &f.since
	var fresh []json.RawMessage
	seen := map[string]bool{}
	newest := f.since
	err = f.eachPage(Paging{All: true}, func(limit *int, cursor *string) (*http.Response, error) {
		params.Limit, params.Cursor = limit, cursor
		return f.api.ListDeliveries(f.ctx, &params)
	}, func(page pageOf) (bool, error) {
		deliveries, err := entries[types.Delivery](page)
		for i, d := range deliveries {
			if !f.seen[d.ID] {
				fresh = append(fresh, page.Data[i])
			}
			seen[d.ID] = true
			if back := d.CreatedAt.Add(-overlap); back.After(newest) {
				newest = back
			}
		}
		return true, err
	})
	if err != nil {
		return false, err
	}
	f.seen, f.since = seen, newest
	if f.quiet {
		f.quiet = false
		return false, nil
	}
	slices.Reverse(fresh) // oldest first
	return false, f.show(fresh)
}

func (f *follower) show(fresh []json.RawMessage) error {
	if f.json {
		return f.lines(fresh)
	}
	deliveries, err := entries[types.Delivery](pageOf{Data: fresh})
	if err != nil || len(deliveries) == 0 {
		return err
	}
	if f.table != nil {
		return f.write(f.table.rows(deliveries))
	}
	f.table = newTable(f.session, deliveryColumns())
	rows := f.table.rows(deliveries)
	return f.write(f.table.head() + rows)
}
