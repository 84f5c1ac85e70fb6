package bench

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"google.golang.org/grpc"
)

// scrape is what durahook's metrics say at a moment.
type scrape struct {
	rpcs      map[string]float64 // requests to Temporal so far, by operation; long polls apart
	delivered float64
	cpu       float64 // seconds
	memory    float64 // bytes
}

// scrape reads durahook's metrics.
func (r *Rig) scrape(ctx context.Context) (scrape, error) {
	s := scrape{rpcs: make(map[string]float64)}
	response, err := r.admin.GetMetrics(ctx)
	if err != nil {
		return s, fmt.Errorf("read durahook's metrics: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	if response.StatusCode != http.StatusOK {
		return s, fmt.Errorf("read durahook's metrics: it answers %s; is the admin key right?", response.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		return s, fmt.Errorf("read durahook's metrics: %w", err)
	}
	for _, metric := range families["temporal_request_total"].GetMetric() {
		s.rpcs[label(metric, "operation")] += metric.GetCounter().GetValue()
	}
	for _, metric := range families["durahook_deliveries_ended_total"].GetMetric() {
		if label(metric, "status") == "delivered" {
			s.delivered += metric.GetCounter().GetValue()
		}
	}
	s.cpu, s.memory = only(families["process_cpu_seconds_total"]), only(families["process_resident_memory_bytes"])
	return s, nil
}

func label(metric *dto.Metric, name string) string {
	for _, pair := range metric.GetLabel() {
		if pair.GetName() == name {
			return pair.GetValue()
		}
	}
	return ""
}

// only returns the value of a metric without labels, 0 when there is none.
func only(family *dto.MetricFamily) float64 {
	for _, metric := range family.GetMetric() {
		return metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
	}
	return 0
}

// rpcCounter counts the calls of a client of the Temporal SDK that were answered, by method.
type rpcCounter struct {
	mu    sync.Mutex
	calls map[string]int
}

func (c *rpcCounter) dialOptions() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithChainUnaryInterceptor(
		func(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
			err := invoke(ctx, method, request, reply, connection, options...)
			if err == nil {
				c.count(method[strings.LastIndex(method, "/")+1:])
			}
			return err
		})}
}

func (c *rpcCounter) count(method string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		c.calls = make(map[string]int)
	}
	c.calls[method]++
}

// of returns how often a method was called so far.
func (c *rpcCounter) of(method string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[method]
}

// total returns how many calls were made so far, long polls apart.
func (c *rpcCounter) total() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for method, calls := range c.calls {
		if !strings.HasPrefix(method, "Poll") {
			n += calls
		}
	}
	return n
}
