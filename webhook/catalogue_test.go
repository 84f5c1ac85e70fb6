package webhook_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestPatterns(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"*", "call.*", "call.ended"}, webhook.Patterns("call.ended"))
	require.Equal(t, []string{"*", "a.*", "a.b.*", "a.b.c"}, webhook.Patterns("a.b.c"))
}

func TestSubscribes(t *testing.T) {
	t.Parallel()
	for _, scenario := range []struct {
		events string
		name   string
		want   bool
	}{
		{"*", "call.ended", true},
		{"call.ended", "call.ended", true},
		{"call.failed call.ended", "call.ended", true},
		{"call.failed", "call.ended", false},
		{"call.*", "call.ended", true},
		{"call.*", "call.leg.ended", true},
		{"call.leg.*", "call.leg.ended", true},
		{"call.leg.*", "call.ended", false},
		{"call.leg.*", "call.legal.ended", false},
		{"call.*", "calls.ended", false},
		{"call.ended.*", "call.ended", false},
		{"call.end", "call.ended", false},
		{"", "call.ended", false},
	} {
		got := webhook.Subscribes(strings.Fields(scenario.events), scenario.name)
		require.Equal(t, scenario.want, got, "%s to %s", scenario.events, scenario.name)
	}
}

func TestNamedEventTypes(t *testing.T) {
	t.Parallel()
	events := []string{"call.ended", "invoice.paid", "invoice.*", "*"}
	require.Equal(t, []string{"invoice.paid"}, webhook.NamedEventTypes(events))
	require.Equal(t, []string{"call.ended", "invoice.paid", "invoice.*", "*"}, events, "what was given stays as it is")
}

func TestClosestName(t *testing.T) {
	t.Parallel()
	names := []string{"call.started", "call.ended", "contact.created"}
	for name, want := range map[string]string{
		"call.endet": "call.ended", "Call.Ended": "call.ended", "calls.ended": "call.ended", "cal.start": "call.started", "cal.star": "",
		"call.stared": "call.started", "contact.create": "contact.created", "": "", "x": "", "campaign.paused": "",
		strings.Repeat("call.ended", 100_000): "",
	} {
		require.Equal(t, want, webhook.ClosestName(name, names), "%.20s", name)
	}
}

func TestIsEventTypeName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"call.ended": true, "a.b": true, "a1_.b_2.c": true, strings.Repeat("a", 98) + ".b": true,
		"": false, "call": false, "call.": false, ".ended": false, "call..ended": false, "Call.ended": false, "call.1": false,
		"call._x": false, "call.*": false, "call-x.y": false, "call.é": false, "call.ended\n": false, "call.\x00": false,
		strings.Repeat("a", 99) + ".b": false, "*": false,
	} {
		require.Equal(t, want, webhook.IsEventTypeName(name), "%q", name)
	}
}
