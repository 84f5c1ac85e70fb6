// Package workflows holds durahook's workflows: deterministic code only, which waits, decides and asks
// activities for everything else. It imports package webhook and the Temporal SDK, never the store, the
// activities or net/http.
package workflows

import (
	"context"

	"go.temporal.io/sdk/temporal"

	"github.com/durahook/durahook/webhook"
)

// The task queues.
const (
	DeliveryTaskQueue = "durahook-deliveries" // workflow tasks, and with them attempts in the fast lane
	AttemptTaskQueue  = "durahook-attempts"   // attempts in the queued lane, with the webhook as fairness key
	// SlowAttemptTaskQueue is for attempts in the queued lane whose endpoints are slow, failing or not known yet: so
	// they wait for each other, and nobody else for them.
	SlowAttemptTaskQueue = "durahook-attempts-slow"
)

// What a delivery's workflow is asked from outside.
const (
	RetrySignal = "retry"  // an attempt now; payload: webhook.RetryRequest or nothing
	StatusQuery = "status" // answers DeliveryStatus
	// DiscardSignal ends a delivery that waits as discarded: its webhook was disabled or deleted. No payload.
	DiscardSignal = "discard"
	// TurnSignal tells a delivery that is kept waiting by its webhook's rate limit that it is its turn. No payload.
	TurnSignal = "turn"
)

// The activities' names.
const (
	AttemptActivity       = "Attempt"
	RecordAttemptActivity = "RecordAttempt"
	EndDeliveryActivity   = "EndDelivery"
	SignalDiscardActivity = "SignalDiscard"
	CountRecoveryActivity = "CountRecovery"
	RecoverBatchActivity  = "RecoverBatch"
	EndRecoveryActivity   = "EndRecovery"

	ReconcileOverdueActivity    = "ReconcileOverdue"
	ReconcileTerminatedActivity = "ReconcileTerminated"
	ReconcileRunningActivity    = "ReconcileRunning"
	CheckHealthActivity         = "CheckHealth"
	DeleteExpiredActivity       = "DeleteExpired"

	SendAlertActivity = "SendAlert"
	EndAlertActivity  = "EndAlert"
)

// Activities is what the workflows need done.
type Activities interface {
	// Attempt makes one signed POST, records how it ended and says what that means for the delivery.
	Attempt(context.Context, webhook.AttemptRequest) (webhook.AttemptResult, error)
	// RecordAttempt records an attempt that Attempt could not.
	RecordAttempt(context.Context, webhook.RecordRequest) error
	// EndDelivery records that a delivery ended without another attempt.
	EndDelivery(context.Context, webhook.EndRequest) error
}

// DiscardActivities is what DiscardDeliveries needs done.
type DiscardActivities interface {
	// SignalDiscard signals every open delivery of a webhook that its time is over, and returns how many.
	SignalDiscard(context.Context, webhook.DiscardRequest) (int, error)
}

// RecoverActivities is what Recover needs done. Each returns how far the recovery has come.
type RecoverActivities interface {
	// CountRecovery counts the deliveries that the recovery is to retry.
	CountRecovery(context.Context, webhook.RecoveryRequest) (webhook.RecoveryProgress, error)
	// RecoverBatch asks for a retry of the next deliveries, up to as many as the request says.
	RecoverBatch(context.Context, webhook.RecoveryRequest) (webhook.RecoveryProgress, error)
	// EndRecovery records that the recovery was cancelled.
	EndRecovery(context.Context, webhook.RecoveryRequest) (webhook.RecoveryProgress, error)
}

// ReconcileActivities is what Reconcile needs done. Each goes on where the cursor stands and returns what it looked
// at, what it found, and where the next one is to go on.
type ReconcileActivities interface {
	// ReconcileOverdue looks for open deliveries whose next attempt is long due.
	ReconcileOverdue(context.Context, webhook.ReconcileCursor) (webhook.Reconciliation, error)
	// ReconcileTerminated looks for open deliveries whose workflow was terminated.
	ReconcileTerminated(context.Context, webhook.ReconcileCursor) (webhook.Reconciliation, error)
	// ReconcileRunning looks for open workflows whose delivery has ended or isn't known.
	ReconcileRunning(context.Context, webhook.ReconcileCursor) (webhook.Reconciliation, error)
}

// HealthActivities is what WebhookHealth needs done.
type HealthActivities interface {
	// CheckHealth looks at all webhooks, and warns of and disables those that have failed for too long.
	CheckHealth(context.Context, webhook.HealthRequest) (webhook.HealthReport, error)
}

// RetentionActivities is what Retention needs done.
type RetentionActivities interface {
	// DeleteExpired deletes the next events that were kept for long enough, and says where to go on.
	DeleteExpired(context.Context, webhook.RetentionRequest) (webhook.RetentionReport, error)
}

// AlertActivities is what SendAlert needs done.
type AlertActivities interface {
	// SendAlert sends an alert, or a test of its channel, and reports whether there was something to send.
	SendAlert(context.Context, webhook.AlertRequest) (bool, error)
	// EndAlert records how an alert ended.
	EndAlert(context.Context, webhook.AlertEnd) error
}

// Search attributes of deliveries, for an operator's search in the Temporal Web UI.
var (
	AccountAttribute = temporal.NewSearchAttributeKeyKeyword("DurahookAccount") // acc_…
	WebhookAttribute = temporal.NewSearchAttributeKeyKeyword("DurahookWebhook") // whk_…
	EventAttribute   = temporal.NewSearchAttributeKeyKeyword("DurahookEvent")   // the event type, such as call.ended
	// StatusAttribute is set from the first failed attempt on; a delivery that succeeds at once, as nearly
	// all do, is spared the cost.
	StatusAttribute = temporal.NewSearchAttributeKeyKeyword("DurahookStatus")
)

// SearchAttributes lists them all.
func SearchAttributes() []temporal.SearchAttributeKeyKeyword {
	return []temporal.SearchAttributeKeyKeyword{AccountAttribute, WebhookAttribute, EventAttribute, StatusAttribute}
}
