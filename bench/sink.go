package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
)

// sink is an endpoint that knows what was accepted, and holds it against what arrives. Its clock lies: of the first
// attempts it refuses some, and names a time in the past as the one to come back, or one that is far off.
type sink struct {
	number  atomic.Int64 // of the last event
	refused atomic.Int64
	open    atomic.Int64 // requests that are being answered
	lying   atomic.Bool  // of a time that is far off, too

	postponed  atomic.Int64 // publications that were refused with a time to come back
	unanswered atomic.Int64 // and without one

	mu       sync.Mutex
	accepted map[int]string // deliveries by event, since the last round
	taken    map[int]int    // how often each event was taken
}

// refuseEvery and lieEvery are which first attempts are refused, and which with a time far off.
const (
	refuseEvery = 50
	lieEvery    = 20
)

func newSink() *sink { return &sink{accepted: make(map[int]string), taken: make(map[int]int)} }

// ServeHTTP takes an event, or refuses it.
func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.open.Add(1)
	defer s.open.Add(-1)
	number, _, ok := readEvent(r.Body)
	if !ok {
		return
	}
	if first := r.Header.Get("webhook-attempt") == "1"; first && s.lying.Load() && number%lieEvery == 0 {
		const year, month, day = 9999, 12, 31
		s.refuse(w, time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
		return
	} else if first && number%refuseEvery == 0 {
		s.refuse(w, time.Unix(0, 0))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken[number]++
}

// refuse asks to come back at a time that is the present one by the endpoint's clock.
func (s *sink) refuse(w http.ResponseWriter, now time.Time) {
	s.refused.Add(1)
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	w.Header().Set("Retry-After", now.UTC().Format(http.TimeFormat))
	w.WriteHeader(http.StatusServiceUnavailable)
}

func (s *sink) accept(number int, deliveryID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted[number] = deliveryID
}

// duplicates is how many POSTs were taken beyond the first of each event.
func (s *sink) duplicates() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, times := range s.taken {
		n += times - 1
	}
	return n
}

// inFlight is how many accepted events have not arrived, plus those that are being answered: what a fault may cause to
// be sent twice, but for those whose answer is being recorded.
func (s *sink) inFlight() int { return len(s.missing()) + int(s.open.Load()) }

// missing are the deliveries of accepted events that have not arrived.
func (s *sink) missing() (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for number, id := range s.accepted {
		if s.taken[number] == 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// settle waits until everything has arrived, each delivery has ended, and its workflow with it. What has not by then is
// told in the round. Events of earlier rounds are forgotten.
func (s *sink) settle(ctx context.Context, rig *Rig, a *account, patience time.Duration, round *ChaosRound) error {
	const interval = 250 * time.Millisecond
	deadline := time.Now().Add(patience)
	for {
		round.Lost = len(s.missing())
		err := rig.hurry(ctx, a)
		var open, disagreeing []string
		if err == nil {
			open, err = rig.openDeliveries(ctx, a.id)
			round.Stuck = len(open)
		}
		if err == nil && round.Stuck == 0 && round.Lost == 0 {
			disagreeing, round.Mended, err = s.disagreements(ctx, rig)
			round.Disagreements = len(disagreeing)
			if err == nil && round.Disagreements == 0 {
				break
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(deadline) {
			if err == nil {
				round.Unsettled, err = s.unsettled(ctx, rig, slices.Concat(s.missing(), open, disagreeing))
			}
			if err != nil {
				return err
			}
			break
		}
		if err := wait(ctx, interval); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.accepted)
	return nil
}

// openDeliveries returns the deliveries of an account that are at work, but for those that wait for a time to come.
func (r *Rig) openDeliveries(ctx context.Context, accountID string) (ids []string, err error) {
	err = r.db.QueryRowContext(ctx, `
		SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM deliveries WHERE account_id = $1
			AND (status = 'pending' OR status = 'waiting' AND next_attempt_at < now() + interval '1 h')`, accountID).Scan((*pq.StringArray)(&ids))
	if err != nil {
		return nil, fmt.Errorf("look for open deliveries: %w", err)
	}
	return ids, nil
}

// hurry asks for a retry of what waits for hours, because the endpoint wanted it to. None may wait for longer than the
// longest gap.
func (r *Rig) hurry(ctx context.Context, a *account) error {
	var waiting pq.StringArray
	var late int
	err := r.db.QueryRowContext(ctx, `
		SELECT coalesce(array_agg(id), '{}'), count(*) FILTER (WHERE next_attempt_at > now() + interval '12 h 1 min') FROM deliveries
		WHERE account_id = $1 AND status = 'waiting' AND next_attempt_at > now() + interval '1 h'`, a.id).Scan(&waiting, &late)
	if err != nil {
		return fmt.Errorf("look for deliveries that wait for hours: %w", err)
	}
	if late > 0 {
		return fmt.Errorf("%d deliveries wait for longer than 12 hours", late)
	}
	for _, id := range waiting {
		if _, err := answer(a.api.RetryDelivery(ctx, id)); err != nil {
			return fmt.Errorf("retry %s: %w", id, err)
		}
	}
	return nil
}

// disagreements returns those of the deliveries accepted in this round that have a row that has not ended well, or a
// workflow that has not, and how many workflows the reconciler has ended because their delivery had.
func (s *sink) disagreements(ctx context.Context, rig *Rig) (disagreeing []string, mended int, err error) {
	s.mu.Lock()
	ids := slices.Collect(maps.Values(s.accepted))
	s.mu.Unlock()
	rows, err := rig.statuses(ctx, ids)
	if err != nil {
		return nil, 0, err
	}
	for _, id := range ids {
		described, err := rig.describe(ctx, id)
		if err != nil {
			return nil, 0, err
		}
		switch status := described.GetWorkflowExecutionInfo().GetStatus(); {
		case rows[id] == "delivered" && status == enums.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		case rows[id] == "delivered" && status == enums.WORKFLOW_EXECUTION_STATUS_TERMINATED: // nobody else terminates any
			mended++
		default:
			disagreeing = append(disagreeing, id)
		}
	}
	return disagreeing, mended, nil
}

// statuses returns how the rows of deliveries stand, for those that there are.
func (r *Rig) statuses(ctx context.Context, ids []string) (map[string]string, error) {
	var known, statuses pq.StringArray
	err := r.db.QueryRowContext(ctx, `SELECT coalesce(array_agg(id), '{}'), coalesce(array_agg(status), '{}') FROM deliveries WHERE id = ANY($1)`,
		pq.StringArray(ids)).Scan(&known, &statuses)
	if err != nil {
		return nil, fmt.Errorf("look how deliveries stand: %w", err)
	}
	rows := make(map[string]string, len(known))
	for i, id := range known {
		rows[id] = statuses[i]
	}
	return rows, nil
}

// describe returns what Temporal knows of a delivery's workflow; nothing if there is none.
func (r *Rig) describe(ctx context.Context, id string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	described, err := r.temporal.DescribeWorkflowExecution(ctx, id, "")
	var none *serviceerror.NotFound
	if err != nil && !errors.As(err, &none) {
		return nil, fmt.Errorf("look at workflow %s: %w", id, err)
	}
	return described, nil
}
