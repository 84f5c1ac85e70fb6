package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/durahook/durahook/webhook"
)

// story tells what happened to a delivery so far, as the current details that the Temporal Web UI shows.
// They are computed when asked for and cost no history event.
type story struct {
	lines []string
}

func (s *story) attempted(ctx workflow.Context, attempt string, result webhook.AttemptResult) {
	s.lines = append(s.lines, "- "+tell(attempt, result))
	workflow.SetCurrentDetails(ctx, strings.Join(s.lines, "\n"))
}

func (s *story) waitingForTurn(ctx workflow.Context) {
	wait := "- waits for its turn under the webhook's rate limit; it goes on by itself"
	workflow.SetCurrentDetails(ctx, strings.Join(append(s.lines[:len(s.lines):len(s.lines)], wait), "\n"))
}

func (s *story) discarded(ctx workflow.Context) {
	s.lines = append(s.lines, "- the webhook was disabled or deleted; nothing more is sent")
	workflow.SetCurrentDetails(ctx, strings.Join(s.lines, "\n"))
}

// waiting adds when the next attempt is due to the line of the one before.
func (s *story) waiting(ctx workflow.Context, at time.Time) {
	next := fmt.Sprintf("next at %s; the `retry` signal makes it happen now", at.UTC().Format("2006-01-02 15:04:05 MST"))
	details := strings.Join(s.lines, "\n")
	if details == "" {
		details = "- " + next
	} else {
		details += "; " + next
	}
	workflow.SetCurrentDetails(ctx, details)
}

// tell says how an attempt ended and what that means: "attempt 3 of 6 failed: **503** in 812 ms (server_error)".
func tell(attempt string, result webhook.AttemptResult) string {
	switch {
	case result.Status == webhook.StatusDiscarded:
		return fmt.Sprintf("%s: %s; the webhook is disabled or deleted", attempt, ending(result))
	case result.Outcome == "":
		return attempt + ": " + ending(result)
	case result.Status == webhook.StatusDelivered:
		return fmt.Sprintf("%s delivered: %s", attempt, ending(result))
	case result.Status == webhook.StatusExhausted:
		return fmt.Sprintf("%s failed: %s; no further attempt is scheduled. Reset, or Retry in the console, sends it again.", attempt, ending(result))
	default:
		return fmt.Sprintf("%s failed: %s", attempt, ending(result))
	}
}

// ending is the answer, or why there was none, in Markdown.
func ending(result webhook.AttemptResult) string {
	switch {
	case result.Outcome == "":
		return "nothing was sent"
	case result.StatusCode == nil:
		return fmt.Sprintf("**%s**, %s", result.Outcome, result.Error)
	case result.Outcome == webhook.OutcomeSuccess:
		return fmt.Sprintf("**%d** in %d ms", *result.StatusCode, result.ResponseTimeMS)
	default:
		return fmt.Sprintf("**%d** in %d ms (%s)", *result.StatusCode, result.ResponseTimeMS, result.Outcome)
	}
}

// describe says in a few words how an attempt ended: "server_error, 503 in 812 ms".
func describe(result webhook.AttemptResult) string {
	switch {
	case result.Outcome == "":
		return "nothing was sent"
	case result.StatusCode != nil:
		return fmt.Sprintf("%s, %d in %d ms", result.Outcome, *result.StatusCode, result.ResponseTimeMS)
	default:
		return fmt.Sprintf("%s, %s", result.Outcome, result.Error)
	}
}

func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}

// humanGap writes a duration as people do: "5 min", "2 h", "1 h 30 min", "90 s" as "1 min 30 s".
func humanGap(gap time.Duration) string {
	units := []struct {
		size time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}}
	var parts []string
	for rest, i := gap, 0; i < len(units); i++ {
		if n := int(rest / units[i].size); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, units[i].name))
			rest %= units[i].size
		}
	}
	if len(parts) == 0 {
		return gap.String()
	}
	return strings.Join(parts, " ")
}
