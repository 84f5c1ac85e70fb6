package webhook

import "strings"

// AlertChannelPatch is what a client wants changed about an alert channel: a JSON merge patch (RFC 7396) of its
// definition.
type AlertChannelPatch struct {
	definition AlertChannelDefinition
	given      given
}

// ParseAlertChannelPatch reads a patch, which may have wrong fields: Apply tells them. Fields that are left out stay
// as they are.
func ParseAlertChannelPatch(body []byte) (AlertChannelPatch, error) {
	var p AlertChannelPatch
	if err := DecodeJSON(body, &p.definition); err != nil {
		return AlertChannelPatch{}, err
	}
	for name, value := range members(body) {
		p.given.add(&p.definition.wrong, name, value, true)
	}
	return p, nil
}

// Targets returns the URLs that the patch sets.
func (p AlertChannelPatch) Targets() []Target { return p.definition.Targets() }

// Apply changes the channel as the patch says, with the checks of [DefineAlertChannel]. When it fails, the channel is
// as it was, and everything wrong with the patch is in one [Error].
func (p AlertChannelPatch) Apply(c *AlertChannel, allowHTTP bool) error {
	changed, d := *c, p.definition
	fields := d.Wrong()
	if p.given.has(fieldName) {
		changed.Name = strings.TrimSpace(d.Name)
		checkNameLike(&fields, changed.Name, "On-call team")
	}
	if p.given.has("type") && d.Type != c.Type {
		fields.Add("/type", "cannot be changed; create another alert channel")
	}
	if p.given.has(fieldEvents) {
		changed.Events = d.Events
		checkAlertEvents(&fields, d.Events)
	}
	address := &changed.Address
	if p.given.has("to") {
		address.To = d.To
	}
	if p.given.has(fieldURL) {
		address.URL = d.URL
	}
	if p.given.has("routing_key") {
		address.RoutingKey = d.RoutingKey
	}
	if p.given.has("region") {
		address.Region = d.Region
	}
	address.check(&fields, c.Type, allowHTTP)
	if err := fields.Err(); err != nil {
		return err
	}
	*c = changed
	return nil
}
