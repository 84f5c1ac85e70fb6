-- +goose Up
ALTER TABLE webhooks
    ADD COLUMN rate_limit   integer CHECK (rate_limit > 0), -- attempts a second; null for no limit
    ADD COLUMN next_turn_at timestamptz; -- when the next attempt may be made, under the limit; null before the first

-- Deliveries whose workflow waits until it is their turn under their webhook's rate limit. A row is there from the
-- moment that one had to wait until it takes its turn; deliveries to webhooks without a limit have none.
CREATE TABLE turns (
    delivery_id text COLLATE "C" PRIMARY KEY REFERENCES deliveries ON DELETE CASCADE,
    webhook_id  text COLLATE "C" NOT NULL,
    asked_at    timestamptz NOT NULL DEFAULT clock_timestamp(), -- those who asked first are first
    given_at    timestamptz -- when the workflow was told that it is its turn; null while it waits
);
CREATE INDEX turns_of_webhook ON turns (webhook_id, given_at, asked_at);

-- +goose Down
DROP TABLE turns;
ALTER TABLE webhooks
    DROP COLUMN rate_limit,
    DROP COLUMN next_turn_at;
