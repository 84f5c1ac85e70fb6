package workflows_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

const deliveryID = "dlv_01kax0000000000000000000aa"

// endpoint stands in for the activities: it answers attempts from a script and keeps when each was made.
type endpoint struct {
	env      *testsuite.TestWorkflowEnvironment
	answers  []int // status codes, the last one repeats
	times    []time.Time
	triggers []webhook.Trigger
	gaps     []*time.Duration
	ended    []webhook.Status
	recorded []webhook.RecordRequest
	// meanwhile runs inside the attempt with this number.
	meanwhile map[int]func()
	discard   bool
	fail      int // this many attempts fail for want of infrastructure
	unwritten bool
	begun     time.Time
	before    int // attempts of earlier runs
	// queues are where attempts were asked for; in trouble, those that may move do. It took so many milliseconds to answer.
	queues  []string
	reasons []string // why there
	trouble bool
	// full says that the worker has no place in the fast lane, and to which queue the attempt goes instead.
	full  string
	took  int
	turn  time.Duration // before this time since the start, it is not its turn
	asked []time.Duration
}

func (e *endpoint) Attempt(ctx context.Context, request webhook.AttemptRequest) (webhook.AttemptResult, error) {
	queue := activity.GetInfo(ctx).TaskQueue
	if activity.GetInfo(ctx).IsLocalActivity {
		queue = "fast"
	}
	e.queues = append(e.queues, queue)
	e.reasons = append(e.reasons, request.LaneReason)
	if request.ChooseLane && e.full != "" {
		return webhook.AttemptResult{Status: webhook.StatusPending, Moved: true, Quick: e.full == workflows.AttemptTaskQueue, LaneReason: "it is full"}, nil
	}
	if request.MayMove && e.trouble {
		return webhook.AttemptResult{Status: webhook.StatusPending, Moved: true}, nil
	}
	e.asked = append(e.asked, e.env.Now().Sub(e.begun).Round(time.Millisecond))
	if e.env.Now().Sub(e.begun) < e.turn && !e.discard {
		return webhook.AttemptResult{Status: webhook.StatusPending, Waits: true}, nil
	}
	if e.fail > 0 {
		e.fail--
		return webhook.AttemptResult{}, errors.New("database is down")
	}
	if e.discard {
		return webhook.AttemptResult{Number: len(e.times), Status: webhook.StatusDiscarded}, nil
	}
	e.times = append(e.times, e.env.Now())
	e.triggers = append(e.triggers, request.Trigger)
	e.gaps = append(e.gaps, request.NextGap)
	number := len(e.times)
	if run := e.meanwhile[number]; run != nil {
		run()
	}
	code := e.answers[min(number, len(e.answers))-1]
	result := webhook.AttemptResult{Number: e.before + number, Outcome: webhook.OutcomeOf(code), StatusCode: &code, ResponseTimeMS: max(e.took, 12)}
	switch {
	case result.Outcome == webhook.OutcomeSuccess:
		result.Status = webhook.StatusDelivered
	case request.NextGap == nil:
		result.Status = webhook.StatusExhausted
	default:
		result.Status, result.NextGap = webhook.StatusWaiting, request.NextGap
	}
	if e.unwritten {
		result.Unrecorded = &webhook.Unrecorded{Sequence: request.Sequence}
	}
	return result, nil
}

func (e *endpoint) RecordAttempt(_ context.Context, request webhook.RecordRequest) error {
	e.recorded = append(e.recorded, request)
	return nil
}

func (e *endpoint) EndDelivery(_ context.Context, request webhook.EndRequest) error {
	e.ended = append(e.ended, request.Status)
	return nil
}

type delivery struct {
	*testsuite.TestWorkflowEnvironment
	*endpoint
	start time.Time
}

func newDelivery(t *testing.T, answers ...int) *delivery {
	t.Helper()
	suite := new(testsuite.WorkflowTestSuite)
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(30 * time.Second)
	e := &endpoint{env: env, answers: answers, meanwhile: map[int]func(){}}
	env.RegisterWorkflow(workflows.Delivery)
	env.RegisterActivity(e)
	return &delivery{TestWorkflowEnvironment: env, endpoint: e, start: env.Now()}
}

func (d *delivery) run(schedule ...string) (workflows.DeliveryResult, error) {
	return d.runInput(workflows.DeliveryInput{AccountID: "acc_1", WebhookID: "whk_1", EventID: "evt_1", Schedule: schedule})
}

func (d *delivery) runInput(input workflows.DeliveryInput) (workflows.DeliveryResult, error) {
	d.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: deliveryID})
	d.start = d.Now()
	d.begun = d.start
	d.ExecuteWorkflow(workflows.Delivery, input)
	var result workflows.DeliveryResult
	if err := d.GetWorkflowError(); err != nil {
		return result, err
	}
	return result, d.GetWorkflowResult(&result)
}

// offsets are the times of the attempts since the start.
func (d *delivery) offsets() []time.Duration {
	var offsets []time.Duration
	for _, at := range d.times {
		offsets = append(offsets, at.Sub(d.start).Round(time.Millisecond))
	}
	return offsets
}

func (d *delivery) retryAfter(delay time.Duration, request webhook.RetryRequest) {
	d.RegisterDelayedCallback(func() { d.SignalWorkflow(workflows.RetrySignal, request) }, delay)
}

var sixSteps = webhook.DefaultSchedule().Strings()

const (
	min1  = time.Minute
	min6  = 6 * time.Minute
	min36 = 36 * time.Minute
)

func TestDeliveryExhaustsTheWholeSchedule(t *testing.T) {
	t.Parallel()
	d := newDelivery(t, 500)
	_, err := d.run(sixSteps...)

	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, workflows.DeliveryExhausted, failure.Type())
	require.Equal(t, "The endpoint did not accept the event in 6 attempts. The last one: server_error, 500 in 12 ms.", failure.Message())
	require.Equal(t, []time.Duration{0, min1, min6, min36, min36 + 2*time.Hour, min36 + 14*time.Hour}, d.offsets())
}

func TestDeliverySucceedsAtEachStep(t *testing.T) {
	t.Parallel()
	for step := 1; step <= 6; step++ {
		answers := make([]int, step)
		for i := range answers {
			answers[i] = 503
		}
		answers[step-1] = 204
		d := newDelivery(t, answers...)
		result, err := d.run(sixSteps...)
		require.NoError(t, err)
		require.Equal(t, workflows.DeliveryResult{Status: webhook.StatusDelivered, Attempts: step}, result)
		require.Len(t, d.times, step)
	}
}

// A retry during any of the five timers attempts at once, and the schedule goes on from there without
// having lost a step.
func TestRetryDuringEachTimer(t *testing.T) {
	t.Parallel()
	ends := []time.Duration{0, min1, min6, min36, min36 + 2*time.Hour}
	for timer, begins := range ends {
		d := newDelivery(t, 500)
		d.retryAfter(begins+30*time.Second, webhook.RetryRequest{AfterAttempt: timer + 1})
		_, err := d.run(sixSteps...)

		require.Error(t, err)
		require.Len(t, d.times, 7, "six of the schedule and the manual one")
		require.Equal(t, webhook.TriggerManual, d.triggers[timer+1])
		retried := begins + 30*time.Second
		gap := webhook.DefaultSchedule()[timer+1]
		require.Equal(t, retried, d.offsets()[timer+1])
		require.Equal(t, retried+gap, d.offsets()[timer+2], "the interrupted gap counts anew from the manual attempt")
		require.Equal(t, gap, *d.gaps[timer+1])
	}
}

func TestTwoRetriesAtOnceAreOneAttempt(t *testing.T) {
	t.Parallel()
	d := newDelivery(t, 500, 500, 200)
	d.retryAfter(30*time.Second, webhook.RetryRequest{AfterAttempt: 1})
	d.retryAfter(30*time.Second, webhook.RetryRequest{AfterAttempt: 1})
	result, err := d.run(sixSteps...)
	require.NoError(t, err)
	require.Equal(t, 3, result.Attempts)
	require.Equal(t, []time.Duration{0, 30 * time.Second, 90 * time.Second}, d.offsets())
}

// Somebody who types the signal into the Temporal Web UI sends no payload, or something else.
func TestRetryByHand(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]any{"nothing": nil, "a word": "please", "a number": 7, "an object": map[string]any{"a": 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDelivery(t, 500, 200)
			d.RegisterDelayedCallback(func() { d.SignalWorkflow(workflows.RetrySignal, payload) }, 20*time.Second)
			_, err := d.run(sixSteps...)
			require.NoError(t, err)
			require.Equal(t, []time.Duration{0, 20 * time.Second}, d.offsets())
		})
	}
}

func TestRetryDuringAnAttemptIsAnsweredByIt(t *testing.T) {
	t.Parallel()
	d := newDelivery(t, 500, 200)
	d.meanwhile[1] = func() { d.SignalWorkflow(workflows.RetrySignal, webhook.RetryRequest{}) }
	_, err := d.run(sixSteps...)
	require.NoError(t, err)
	require.Equal(t, []time.Duration{0, min1}, d.offsets())
}

// The last attempt is recorded before its workflow closes; a retry asked for in between must not get lost.
func TestRetryOfTheLastAttemptBeforeTheWorkflowCloses(t *testing.T) {
	t.Parallel()
	d := newDelivery(t, 500, 200)
	d.meanwhile[1] = func() { d.SignalWorkflow(workflows.RetrySignal, webhook.RetryRequest{AfterAttempt: 1}) }
	result, err := d.run("0s")
	require.NoError(t, err)
	require.Equal(t, 2, result.Attempts)
	require.Equal(t, []webhook.Trigger{webhook.TriggerSchedule, webhook.TriggerManual}, d.triggers)
}

// A retry of a closed delivery opens a run without a schedule.
func TestRunWithoutScheduleMakesOneAttempt(t *testing.T) {
	t.Parallel()
	d := newDelivery(t, 500)
	d.before = 6
	d.retryAfter(0, webhook.RetryRequest{AfterAttempt: 6})
	_, err := d.run()
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, workflows.DeliveryExhausted, failure.Type())
	require.Equal(t, []webhook.Trigger{webhook.TriggerManual}, d.triggers)
	require.Nil(t, d.gaps[0])
}

func TestCancelWhileWaiting(t *testing.T) {
	t.Parallel()
	d := newDelivery(t, 500)
	d.RegisterDelayedCallback(d.CancelWorkflow, 30*time.Second)
	_, err := d.run(sixSteps...)
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, err, &cancelled)
	require.Len(t, d.times, 1)
	require.Equal(t, []webhook.Status{webhook.StatusCancelled}, d.ended)
}

func TestCancelDuringAnAttemptLetsItEnd(t *testing.T) {
	t.Parallel()
	for _, code := range []int{200, 500} {
		d := newDelivery(t, code)
		d.meanwhile[1] = d.CancelWorkflow
		result, err := d.run(sixSteps...)
		require.Len(t, d.times, 1)
		if code == 200 {
			require.NoError(t, err)
			require.Equal(t, webhook.StatusDelivered, result.Status)
			require.Empty(t, d.ended)
			continue
		}
		require.Error(t, err)
		require.Equal(t, []webhook.Status{webhook.StatusCancelled}, d.ended)
	}
}

func TestWebhookDisabledWhileWaiting(t *testing.T) {
	t.Parallel()
	d := newDelivery(t, 500)
	d.RegisterDelayedCallback(func() { d.discard = true }, 30*time.Second)
	result, err := d.run(sixSteps...)
	require.NoError(t, err)
	require.Equal(t, workflows.DeliveryResult{Status: webhook.StatusDiscarded, Attempts: 1}, result)
	require.Len(t, d.times, 1)
}

func TestStatusQuery(t *testing.T) {
	t.Parallel()
	d := newDelivery(t, 500)
	d.RegisterDelayedCallback(func() {
		value, err := d.QueryWorkflow(workflows.StatusQuery)
		require.NoError(t, err)
		var status workflows.DeliveryStatus
		require.NoError(t, value.Get(&status))
		require.Equal(t, webhook.StatusWaiting, status.Status)
		require.Equal(t, d.start.Add(min1).UTC(), status.NextAttemptAt.UTC())
		require.Equal(t, 500, *status.LastAttempt.StatusCode)
		d.CancelWorkflow()
	}, 10*time.Second)
	_, err := d.run(sixSteps...)
	require.Error(t, err)
}

// When Postgres is down, neither the POST nor its recording is given up, and no step is used up.
func TestInfrastructureFailuresUseUpNoStep(t *testing.T) {
	t.Parallel()
	d := newDelivery(t, 500, 200)
	d.fail = 3
	d.unwritten = true
	result, err := d.run(sixSteps...)
	require.NoError(t, err)
	require.Equal(t, 2, result.Attempts)
	require.Len(t, d.recorded, 2)
}

func TestFastLaneFallsBackToTheQueuedLane(t *testing.T) {
	t.Parallel()
	d := newDelivery(t, 200)
	d.fail = 1
	d.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: deliveryID})
	d.ExecuteWorkflow(workflows.Delivery, workflows.DeliveryInput{Schedule: sixSteps, FastLane: true})
	require.NoError(t, d.GetWorkflowError())
	require.Len(t, d.times, 1)
}

func TestMalformedScheduleFailsTheRun(t *testing.T) {
	t.Parallel()
	d := newDelivery(t, 200)
	_, err := d.run("soon")
	require.ErrorContains(t, err, `"soon" is not a duration`)
	require.Empty(t, d.times)
}
