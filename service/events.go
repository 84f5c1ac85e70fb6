package service

import (
	"context"

	"github.com/durahook/durahook/webhook"
)

// Publish checks the published body and stores the event with its deliveries. When it returns without an
// error, everything is committed and will be delivered whatever happens next.
func (s *Service) Publish(ctx context.Context, accountID string, body []byte) (webhook.Event, []webhook.Delivery, error) {
	event, err := webhook.ParseEvent(body)
	if err != nil {
		return webhook.Event{}, nil, err
	}
	event.AccountID = accountID
	deliveries, err := s.store.Publish(ctx, &event)
	if err != nil {
		return webhook.Event{}, nil, err
	}
	s.starter.Enqueue(deliveries)
	return event, deliveries, nil
}
