package console

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/durahook/durahook/webhook"
)

// row is a delivery as the table shows it.
type row struct {
	ID           string
	URL          string // of its page
	Test         bool
	Event        string
	WebhookName  string
	Status       statusWords
	Answer       answer
	ResponseTime string
	Attempts     int
	NextAttempt  *time.Time
	Soon         bool // an attempt is under way or about to be, with no time set for it
	Created      time.Time
	WorkflowURL  string
}

func newRow(d webhook.Delivery, url, workflowURL string) row {
	shown := row{
		ID: d.ID, URL: url, Test: d.Test, Event: d.Event, WebhookName: d.WebhookName, Status: statusOf(d.Status),
		Answer: answerOf(d.Outcome, d.StatusCode), Attempts: d.AttemptCount, Created: d.CreatedAt.UTC(), WorkflowURL: workflowURL,
	}
	if d.ResponseTimeMS != nil {
		shown.ResponseTime = formatMilliseconds(*d.ResponseTimeMS)
	}
	switch {
	case d.Status.Open() && d.NextAttemptAt != nil:
		next := d.NextAttemptAt.UTC()
		shown.NextAttempt = &next
	case d.Status.Open():
		shown.Soon = true
	}
	return shown
}

// statusWords say where a delivery stands. Tone is a class of the stylesheet and never the only sign.
type statusWords struct {
	Tone, Icon, Words, Meaning string
}

func statusOf(status webhook.Status) statusWords {
	switch status {
	case webhook.StatusPending:
		return statusWords{"busy", "↻", "Pending", "An attempt is under way or about to be"}
	case webhook.StatusWaiting:
		return statusWords{"wait", "◷", "Waiting", "The last attempt failed; the next one follows by itself"}
	case webhook.StatusDelivered:
		return statusWords{"good", "✓", "Delivered", "The endpoint answered with success"}
	case webhook.StatusExhausted:
		return statusWords{"bad", "✕", "Exhausted", "Every attempt failed; nothing more happens by itself"}
	case webhook.StatusCancelled:
		return statusWords{"calm", "–", "Cancelled", "Somebody cancelled it"}
	case webhook.StatusDiscarded:
		return statusWords{"calm", "–", "Discarded", "The webhook was disabled or deleted"}
	default:
		return statusWords{"calm", "–", string(status), ""}
	}
}

// answer says what the last attempt brought. The dot is text, for those who copy it or see no styles; the
// stylesheet draws it, so that it looks the same where no font has it.
type answer struct {
	Dot, Tone string
	Code      string // empty when no answer came
	Words     string // empty before the first attempt
	Meaning   string
}

func answerOf(outcome *webhook.Outcome, code *int) answer {
	if outcome == nil {
		return answer{}
	}
	shown := answer{Dot: "🔴", Tone: "bad"}
	switch *outcome {
	case webhook.OutcomeSuccess:
		shown = answer{Dot: "🟢", Tone: "good", Words: "Success"}
	case webhook.OutcomeClientError:
		shown.Words, shown.Meaning = "Client error", "Check your endpoint"
	case webhook.OutcomeServerError:
		shown.Words, shown.Meaning = "Server error", "The endpoint's server has an issue"
	case webhook.OutcomeTimeout:
		shown.Words, shown.Meaning = "Timeout", "The response took too long"
	case webhook.OutcomeConnectionError:
		shown.Words, shown.Meaning = "No connection", "The endpoint could not be reached: DNS, TCP or TLS"
	case webhook.OutcomeBlocked:
		shown.Words, shown.Meaning = "Blocked", "The endpoint's address may not be sent to"
	default:
		shown.Words = string(*outcome)
	}
	if code != nil {
		shown.Code = strconv.Itoa(*code)
		if text := http.StatusText(*code); text != "" {
			shown.Meaning = joinMeanings(text, shown.Meaning)
		}
	}
	return shown
}

func joinMeanings(first, second string) string {
	if second == "" {
		return first
	}
	return first + ": " + second
}

func formatMilliseconds(ms int) string {
	switch {
	case ms == 0:
		return "< 1 ms"
	case ms < 1000:
		return fmt.Sprintf("%d ms", ms)
	case ms < 10_000:
		return fmt.Sprintf("%.2f s", float64(ms)/1000)
	default:
		return fmt.Sprintf("%.1f s", float64(ms)/1000)
	}
}

// until words how long it is from now to then. The script of the page, which goes on counting, uses the
// same words.
func until(then, now time.Time) string {
	left := then.Sub(now).Truncate(time.Second)
	minutes, hours := int(left.Minutes()), int(left.Hours())
	switch {
	case left <= 0:
		return "due now"
	case left < 2*time.Minute:
		return fmt.Sprintf("in %d s", int(left.Seconds()))
	case left < time.Hour:
		return fmt.Sprintf("in %d min", minutes)
	default:
		return fmt.Sprintf("in %d h %d min", hours, minutes%60)
	}
}

// untilExactly is until with the seconds of the last hour, for a page with few times on it.
func untilExactly(then, now time.Time) string {
	left := then.Sub(now).Truncate(time.Second)
	if left < 2*time.Minute || left >= time.Hour {
		return until(then, now)
	}
	return fmt.Sprintf("in %d min %d s", int(left.Minutes()), int(left.Seconds())%60)
}
