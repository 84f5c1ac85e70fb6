// Package webhook is durahook's domain: accounts, events, webhooks, deliveries and attempts, the rules
// that hold for them, how a delivery is signed and authenticated, and when it is tried again.
//
// It knows nothing of Postgres, Temporal or HTTP servers and imports no other package of durahook.
package webhook
