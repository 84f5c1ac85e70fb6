package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// mostUnsettled is how many deliveries of a round are told of one by one.
const mostUnsettled = 20

// Unsettled is a delivery with which not all was well when the time for its round was over, as it was found a moment
// later: one that has settled since was only slow.
type Unsettled struct {
	DeliveryID string `json:"delivery"`
	Arrived    bool   `json:"arrived"`
	Status     string `json:"status"`   // of the row; none without one
	Workflow   string `json:"workflow"` // its status; none without one
	WaitsFor   string `json:"waits_for,omitempty"`
}

func (u Unsettled) String() string {
	arrived := "arrived"
	if !u.Arrived {
		arrived = "not arrived"
	}
	text := fmt.Sprintf("%s: %s, row %s, workflow %s", u.DeliveryID, arrived, u.Status, u.Workflow)
	if u.WaitsFor != "" {
		text += ", waits for " + u.WaitsFor
	}
	return text
}

// unsettled looks at the first of some deliveries.
func (s *sink) unsettled(ctx context.Context, rig *Rig, ids []string) (all []Unsettled, err error) {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	ids = ids[:min(len(ids), mostUnsettled)]
	rows, err := rig.statuses(ctx, ids)
	if err != nil {
		return nil, err
	}
	missing := s.missing()
	for _, id := range ids {
		const none = "none"
		u := Unsettled{DeliveryID: id, Arrived: !slices.Contains(missing, id), Status: none, Workflow: none}
		if status, known := rows[id]; known {
			u.Status = status
		}
		described, err := rig.describe(ctx, id)
		if err != nil {
			return nil, err
		}
		if described != nil {
			u.Workflow = strings.ToLower(described.GetWorkflowExecutionInfo().GetStatus().String())
			u.WaitsFor = waitsFor(described, time.Now())
		}
		all = append(all, u)
	}
	return all, nil
}

// waitsFor says what a workflow has under way: its workflow task and its activities. One that has neither waits for a
// timer or a signal, or has ended.
func waitsFor(described *workflowservice.DescribeWorkflowExecutionResponse, now time.Time) string {
	var parts []string
	if task := described.GetPendingWorkflowTask(); task != nil {
		parts = append(parts, fmt.Sprintf("workflow task, attempt %d, %s%s%s", task.GetAttempt(), strings.ToLower(task.GetState().String()),
			ago("scheduled", task.GetScheduledTime(), now), ago("started", task.GetStartedTime(), now)))
	}
	for _, activity := range described.GetPendingActivities() {
		parts = append(parts, activityText(activity, now))
	}
	return strings.Join(parts, "; ")
}

func activityText(activity *workflow.PendingActivityInfo, now time.Time) string {
	text := fmt.Sprintf("activity %s, attempt %d, %s%s%s", activity.GetActivityType().GetName(), activity.GetAttempt(),
		strings.ToLower(activity.GetState().String()), ago("scheduled", activity.GetScheduledTime(), now), ago("started", activity.GetLastStartedTime(), now))
	if failure := activity.GetLastFailure().GetMessage(); failure != "" {
		text += ", after: " + failure
	}
	return text
}

func ago(what string, at *timestamppb.Timestamp, now time.Time) string {
	if at == nil {
		return ""
	}
	return fmt.Sprintf(", %s %s ago", what, now.Sub(at.AsTime()).Round(time.Second))
}
