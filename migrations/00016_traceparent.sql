-- +goose Up
-- The W3C trace context that an event was published in, which its deliveries go on with; null without one.
ALTER TABLE event_payloads ADD COLUMN traceparent text;

-- +goose Down
ALTER TABLE event_payloads DROP COLUMN traceparent;
