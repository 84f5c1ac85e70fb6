package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
)

// meter measures what deliveries cost: what is used after it was started.
type meter struct {
	rig          *Rig
	usage        usage
	scrape       scrape
	transactions map[string]int64
	writes       int64
}

// startMeter waits until what was done before has been counted, and begins.
func (r *Rig) startMeter(ctx context.Context) (_ *meter, err error) {
	if err := r.settle(ctx); err != nil {
		return nil, err
	}
	m := &meter{rig: r}
	if m.scrape, err = r.scrape(ctx); err != nil {
		return nil, err
	}
	if m.transactions, err = r.transactions(ctx); err != nil {
		return nil, err
	}
	if m.writes, err = r.writes(ctx); err != nil {
		return nil, err
	}
	m.usage, err = usageOf(ctx, r.System.Processes)
	return m, err
}

// Cost is what deliveries cost.
type Cost struct {
	Deliveries    int                `json:"deliveries"`
	Processes     []ProcessFigures   `json:"processes"`
	RPCs          float64            `json:"temporal_rpcs_a_delivery"` // of durahook's client, long polls apart
	RPCsBy        map[string]float64 `json:"temporal_rpcs_a_delivery_by_operation"`
	Transactions  map[string]float64 `json:"postgres_transactions_a_delivery,omitempty"` // by database; queries by themselves are some, too
	Writes        float64            `json:"postgres_writes_a_delivery,omitempty"`       // transactions that write, in all databases
	HistoryEvents float64            `json:"history_events_a_delivery,omitempty"`        // of a sample
}

// stop returns the cost of deliveries, once durahook has recorded that they were delivered.
func (m *meter) stop(ctx context.Context, deliveries []string) (Cost, error) {
	n := len(deliveries)
	after, err := m.awaitRecorded(ctx, n)
	if err != nil {
		return Cost{}, err
	}
	used, err := usageOf(ctx, m.rig.System.Processes)
	if err != nil {
		return Cost{}, err
	}
	c := Cost{Deliveries: n, Processes: processFigures(m.rig.System.Processes, m.usage, used, n), RPCsBy: make(map[string]float64)}
	if len(c.Processes) == 0 {
		c.Processes = []ProcessFigures{{
			Name: Durahook, CPUS: after.cpu - m.scrape.cpu, CPUMSDelivery: each((after.cpu-m.scrape.cpu)*1000, n), MemoryMB: megabytes(uint64(after.memory)),
		}}
	}
	for operation, count := range after.rpcs {
		if count -= m.scrape.rpcs[operation]; count > 0 {
			c.RPCsBy[operation] = each(count, n)
			c.RPCs += each(count, n)
		}
	}
	writes, err := m.rig.writes(ctx)
	if err != nil {
		return Cost{}, err
	}
	c.Writes = each(float64(writes-m.writes), n)
	if c.HistoryEvents, err = m.rig.historyEvents(ctx, deliveries); err != nil {
		return Cost{}, err
	}
	c.Transactions, err = m.transactionsEach(ctx, n)
	return c, err
}

func (m *meter) transactionsEach(ctx context.Context, n int) (map[string]float64, error) {
	if err := m.rig.settle(ctx); err != nil {
		return nil, err
	}
	after, err := m.rig.transactions(ctx)
	if err != nil || after == nil {
		return nil, err
	}
	by := make(map[string]float64)
	for name, count := range after {
		by[name] = each(float64(count-m.transactions[name]), n)
	}
	return by, nil
}

// awaitRecorded waits a while until durahook has recorded n deliveries more, and returns its metrics.
func (m *meter) awaitRecorded(ctx context.Context, n int) (scrape, error) {
	const interval, patience = 200 * time.Millisecond, 10 * time.Second
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for began := time.Now(); ; {
		now, err := m.rig.scrape(ctx)
		if err != nil || now.delivered-m.scrape.delivered >= float64(n) || time.Since(began) > patience {
			return now, err
		}
		select {
		case <-ctx.Done():
			return now, ctx.Err()
		case <-ticker.C:
		}
	}
}

// historyEvents returns how many events the history of a delivery's workflow has, on the average of a sample; 0
// when there is no Temporal to ask.
func (r *Rig) historyEvents(ctx context.Context, deliveries []string) (float64, error) {
	const sample = 20
	if r.temporal == nil || len(deliveries) == 0 {
		return 0, nil
	}
	asked, events := 0, int64(0)
	for i := 0; i < len(deliveries); i += max(len(deliveries)/sample, 1) {
		described, err := r.temporal.DescribeWorkflowExecution(ctx, deliveries[i], "")
		var missing *serviceerror.NotFound
		if errors.As(err, &missing) { // not started yet
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("read the history of delivery %s in Temporal: %w", deliveries[i], err)
		}
		asked++
		events += described.GetWorkflowExecutionInfo().GetHistoryLength()
	}
	return each(float64(events), asked), nil
}

func (c Cost) show(out *Text) {
	out.Section("what a delivery costs")
	for _, p := range c.Processes {
		out.Field(p.Name, "%.2f ms CPU · %.0f MB memory", p.CPUMSDelivery, p.MemoryMB)
	}
	out.Field("Temporal RPCs", "%.2f%s", c.RPCs, most(c.RPCsBy))
	if c.HistoryEvents > 0 {
		out.Field("history events", "%.1f", c.HistoryEvents)
	}
	if c.Writes > 0 {
		out.Field("writes", "%.2f transactions that write, in all databases", c.Writes)
	}
	for _, name := range sortedKeys(c.Transactions) {
		out.Field("transactions", "%.2f in %s", c.Transactions[name], name)
	}
}

// most names the operations that count.
func most(by map[string]float64) (text string) {
	const least = 0.05
	for _, operation := range sortedKeys(by) {
		if by[operation] >= least {
			text += fmt.Sprintf(" · %s %.2f", operation, by[operation])
		}
	}
	return text
}
