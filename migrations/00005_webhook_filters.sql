-- +goose Up
ALTER TABLE webhooks
    ADD COLUMN filter text NOT NULL DEFAULT ''; -- a condition in CEL; empty: every event passes

-- What "Test Webhook" sends is an event with one delivery, as any other, but told apart.
ALTER TABLE events
    ADD COLUMN test boolean NOT NULL DEFAULT false;
ALTER TABLE deliveries
    ADD COLUMN test boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE deliveries DROP COLUMN test;
ALTER TABLE events DROP COLUMN test;
ALTER TABLE webhooks DROP COLUMN filter;
