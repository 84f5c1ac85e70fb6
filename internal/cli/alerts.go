package cli

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/durahook/durahook/api/types"
)

// AlertsCommand has what can be done with alert channels.
type AlertsCommand struct {
	Create AlertsCreate `cmd:"" help:"Create an alert channel: from now on, people are alerted there."`
	List   AlertsList   `cmd:"" help:"List alert channels."`
	Get    AlertsGet    `cmd:"" help:"Show an alert channel."`
	Update AlertsUpdate `cmd:"" help:"Change what the flags name of an alert channel; the rest stays."`
	Test   AlertsTest   `cmd:"" help:"Send a test to an alert channel and show whether it was taken."`
	Delete AlertsDelete `cmd:"" help:"Delete an alert channel. What is on its way is not sent."`
}

// oneAlertChannel are the flags and the argument of a command for one alert channel.
type oneAlertChannel struct {
	Remote `embed:""`
	ID     string `arg:"" name:"channel" help:"ID of the alert channel (alc_…)."`
}

// alertChannelFields are the flags for what an alert channel consists of.
type alertChannelFields struct {
	Name       *string  `help:"What people call it." placeholder:"NAME"`
	Events     []string `help:"What to alert of: delivery.exhausted, webhook.failing, webhook.disabled; all of it when left out. May be repeated." placeholder:"EVENT" values:"delivery.exhausted,webhook.failing,webhook.disabled"`
	To         []string `help:"Addresses that e-mail goes to. May be repeated." placeholder:"ADDRESS"`
	URL        *string  `name:"url" help:"Address that Slack, Teams or Discord gave; whoever knows it may post there. @FILE and - read it." placeholder:"URL"`
	RoutingKey *string  `help:"Integration key of PagerDuty; @FILE and - read it." placeholder:"KEY"`
	Region     *string  `help:"Where the account of PagerDuty is: us or eu." placeholder:"REGION" values:"us,eu"`
}

// body returns what the flags say of an alert channel.
func (f *alertChannelFields) body(env *Env) (body, error) {
	b := body{}
	set(b, "name", f.Name)
	if f.Events != nil {
		b["events"] = f.Events
	}
	if f.To != nil {
		b["to"] = f.To
	}
	set(b, "region", f.Region)
	if err := b.setContents(env, "url", "url", f.URL); err != nil {
		return nil, err
	}
	return b, b.setContents(env, "routing_key", "routing-key", f.RoutingKey)
}

// AlertsCreate creates an alert channel.
type AlertsCreate struct {
	Type *string `help:"slack, teams, discord, pagerduty or email." placeholder:"TYPE" values:"slack,teams,discord,pagerduty,email"`
	alertChannelFields
	Remote `embed:""`
}

// Run creates the alert channel and shows it.
func (c *AlertsCreate) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	b, err := c.body(env)
	if err != nil {
		return err
	}
	set(b, "type", c.Type)
	return ask(s, s.alertChannel)(s.answer(s.api.CreateAlertChannelWithBody(env.Ctx, jsonType, b.reader())))
}

// alertChannel returns an alert channel as people read it.
func (s *session) alertChannel(c types.AlertChannel) string {
	return s.fields().
		add("ID", c.ID).
		add("Name", c.Name).
		add("Type", string(c.Type)).
		add("Where", whereTo(c)).
		add("Events", alertEvents(c, ", ")).
		add("Last sent", clock(c.LastSentAt)).
		add("Last error", text(c.LastError)).
		add("Created", at(c.CreatedAt)).
		add("Changed", at(c.UpdatedAt)).String()
}

// whereTo says where the alerts of a channel go; what opens another service is masked.
func whereTo(c types.AlertChannel) string {
	if c.RoutingKey != nil && c.Region != nil {
		return *c.RoutingKey + " (" + string(*c.Region) + ")"
	}
	return strings.Join(c.To, ", ") + text(c.URL) + text(c.RoutingKey)
}

func alertEvents(c types.AlertChannel, separator string) string {
	names := make([]string, len(c.Events))
	for i, event := range c.Events {
		names[i] = string(event)
	}
	return strings.Join(names, separator)
}

// AlertsList lists alert channels.
type AlertsList struct {
	Remote `embed:""`
	Paging `embed:""`
}

// Run lists the alert channels, newest first.
func (c *AlertsList) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	columns := []column[types.AlertChannel]{
		{title: "ID", value: func(c types.AlertChannel) string { return c.ID }},
		{title: "TYPE", value: func(c types.AlertChannel) string { return string(c.Type) }},
		{title: "NAME", value: func(c types.AlertChannel) string { return c.Name }},
		{title: "WHERE", value: whereTo},
		{title: "LAST SENT", value: func(c types.AlertChannel) string { return clock(c.LastSentAt) }},
		{title: "LAST ERROR", value: func(c types.AlertChannel) string { return text(c.LastError) }},
	}
	return list(s, c.Paging, "There are no alert channels: nobody is alerted.", columns, func(limit *int, cursor *string) (*http.Response, error) {
		return s.api.ListAlertChannels(env.Ctx, &types.ListAlertChannelsParams{Limit: limit, Cursor: cursor})
	})
}

// AlertsGet shows an alert channel.
type AlertsGet struct{ oneAlertChannel }

// Run shows the alert channel.
func (c *AlertsGet) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	return ask(s, s.alertChannel)(s.answer(s.api.GetAlertChannel(env.Ctx, c.ID)))
}

// AlertsUpdate changes an alert channel.
type AlertsUpdate struct {
	alertChannelFields
	oneAlertChannel
}

// Run changes what the flags name and shows the alert channel.
func (c *AlertsUpdate) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	b, err := c.body(env)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return nothingToChange()
	}
	return ask(s, s.alertChannel)(s.answer(s.api.UpdateAlertChannelWithBody(env.Ctx, c.ID, jsonType, b.reader())))
}

// AlertsTest sends a test.
type AlertsTest struct{ oneAlertChannel }

// Run sends a test to the alert channel and says how it went. It fails unless the test was taken.
func (c *AlertsTest) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	a, err := s.answer(s.api.TestAlertChannel(env.Ctx, c.ID))
	if err != nil {
		return err
	}
	result, err := read[types.AlertTestResult](a.body)
	if err != nil {
		return err
	}
	if s.json {
		if err := s.raw(a.body); err != nil {
			return err
		}
	}
	if !result.Sent {
		return fmt.Errorf("the test was not taken: %s", text(result.Error))
	}
	return s.gone("Sent a test to", c.ID)(a, nil)
}

// AlertsDelete deletes an alert channel.
type AlertsDelete struct {
	oneAlertChannel
	Yes bool `short:"y" help:"Don't ask."`
}

// Run deletes the alert channel, once that was confirmed.
func (c *AlertsDelete) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	if err := s.confirm(c.Yes, "Delete the alert channel %s, so that nobody is alerted there any more?", c.ID); err != nil {
		return err
	}
	return s.gone("Deleted", c.ID)(s.answer(s.api.DeleteAlertChannel(env.Ctx, c.ID)))
}
