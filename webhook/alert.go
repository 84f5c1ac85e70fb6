package webhook

import (
	"encoding/json"
	"slices"
	"time"
)

// Alert is one message to the people behind an alert channel, of everything that happened in a while.
type Alert struct {
	ID        string
	Channel   AlertChannel
	Groups    []AlertGroup
	CreatedAt time.Time
}

// AlertGroup is what happened to one webhook, of one kind.
type AlertGroup struct {
	Event     string          `json:"event"` // one of [AlertEvents]
	WebhookID string          `json:"webhook_id"`
	Count     int             `json:"count"` // how often
	FirstAt   time.Time       `json:"first_at"`
	Data      json.RawMessage `json:"data"` // the newest event's, such as [ExhaustedData]
}

// NewAlert returns the alert for a channel of those groups that it is for; ok is false when there is none.
func NewAlert(c AlertChannel, groups []AlertGroup) (alert Alert, ok bool) {
	for _, group := range groups {
		if slices.Contains(c.Events, group.Event) {
			alert.Groups = append(alert.Groups, group)
		}
	}
	alert.ID, alert.Channel = NewID(AlertPrefix), c
	return alert, len(alert.Groups) > 0
}

// AlertRequest asks for an alert to be sent, by IDs alone.
type AlertRequest struct {
	ChannelID string `json:"channel_id"`
	AlertID   string `json:"alert_id,omitempty"` // of [Alert]; empty for a test of the channel
}

// AlertEnd says how an alert ended.
type AlertEnd struct {
	AlertRequest
	Error string `json:"error,omitempty"` // why it did not arrive, in plain words; empty when it did
}

// AlertFailed is the type of the application error that an alert's workflow fails with when the alert did not arrive. Its
// detail is why, in plain words.
const AlertFailed = "AlertFailed"
