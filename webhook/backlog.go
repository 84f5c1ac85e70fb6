package webhook

import "time"

// Backlog is what is still to be delivered, of all accounts.
type Backlog struct {
	Pending, Waiting OpenDeliveries
	// OldestUnstarted is the age of the oldest delivery whose workflow is not known to be started; 0 without
	// one.
	OldestUnstarted time.Duration
	FailingWebhooks int // enabled webhooks of which no attempt has succeeded for some time
}

// OpenDeliveries are the deliveries with one of the open statuses.
type OpenDeliveries struct {
	Count  int
	Oldest time.Duration // the age of the oldest; 0 without one
}
