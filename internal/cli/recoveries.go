package cli

import (
	"net/http"
	"strings"

	"github.com/durahook/durahook/api/types"
)

// RecoveriesCommand has what can be done with recoveries. "webhooks recover" starts one.
type RecoveriesCommand struct {
	List   RecoveriesList   `cmd:"" help:"List the recoveries of a webhook."`
	Get    RecoveriesGet    `cmd:"" help:"Show how far a recovery is."`
	Cancel RecoveriesCancel `cmd:"" help:"Let a recovery retry no more."`
}

// RecoveriesList lists recoveries.
type RecoveriesList struct {
	oneWebhook
	Paging `embed:""`
}

// Run lists the recoveries, newest first.
func (c *RecoveriesList) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	columns := []column[types.Recovery]{
		{title: "ID", value: func(r types.Recovery) string { return r.ID }},
		{title: "CREATED", value: func(r types.Recovery) string { return at(r.CreatedAt) }},
		{title: "STATUS", value: func(r types.Recovery) string { return string(r.Status) }, word: true},
		{title: "MATCHED", value: func(r types.Recovery) string { return number(&r.Matched) }},
		{title: "RETRIED", value: func(r types.Recovery) string { return number(&r.Retried) }},
		{title: "SKIPPED", value: func(r types.Recovery) string { return number(&r.Skipped) }},
		{title: "SINCE", value: func(r types.Recovery) string { return at(r.Since) }},
		{title: "UNTIL", value: func(r types.Recovery) string { return at(r.Until) }},
	}
	return list(s, c.Paging, "There are no recoveries.", columns, func(limit *int, cursor *string) (*http.Response, error) {
		return s.api.ListRecoveries(env.Ctx, c.ID, &types.ListRecoveriesParams{Limit: limit, Cursor: cursor})
	})
}

// oneRecovery are the flags and the argument of a command for one recovery.
type oneRecovery struct {
	Remote `embed:""`
	ID     string `arg:"" name:"recovery" help:"ID of the recovery (rec_…)."`
}

// RecoveriesGet shows a recovery.
type RecoveriesGet struct{ oneRecovery }

// Run shows the recovery.
func (c *RecoveriesGet) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	return ask(s, s.recovery)(s.answer(s.api.GetRecovery(env.Ctx, c.ID)))
}

// RecoveriesCancel cancels a recovery.
type RecoveriesCancel struct{ oneRecovery }

// Run cancels the recovery and shows it.
func (c *RecoveriesCancel) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	return ask(s, s.recovery)(s.answer(s.api.CancelRecovery(env.Ctx, c.ID)))
}

func (s *session) recovery(r types.Recovery) string {
	statuses := make([]string, len(r.Statuses))
	for i, status := range r.Statuses {
		statuses[i] = string(status)
	}
	return s.fields().
		add("ID", r.ID).
		addWord("Status", string(r.Status)).
		add("Webhook", r.WebhookID).
		add("Since", at(r.Since)).
		add("Until", at(r.Until)).
		add("Retries those", strings.Join(statuses, ", ")).
		add("Matched", number(&r.Matched)).
		add("Retried", number(&r.Retried)).
		add("Skipped", number(&r.Skipped)).
		add("Workflow", text(r.WorkflowURL)).
		add("Created", at(r.CreatedAt)).
		add("Changed", at(r.UpdatedAt)).String()
}
