package webhook_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestEveryExampleOfTheCatalogueCanBePublished(t *testing.T) {
	t.Parallel()
	for _, eventType := range webhook.BuiltInEventTypes() {
		event, err := webhook.ParseEvent(eventType.Example, webhook.BuiltIn)
		require.NoError(t, err, eventType.Name)
		assert.Equal(t, eventType.Name, event.Event)
	}
}
