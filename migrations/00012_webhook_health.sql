-- +goose Up
ALTER TABLE webhooks
    -- The first of the failed attempts since which none has succeeded, tests left out; null while there are none. The
    -- workflow WebhookHealth keeps it, so that recording an attempt costs nothing more.
    ADD COLUMN failing_since timestamptz,
    ADD COLUMN warned_at     timestamptz, -- when it was told halfway that it is going to be disabled for it
    ADD COLUMN enabled_at    timestamptz, -- when it was last enabled again: what failed before counts no more
    ADD COLUMN missed_since  timestamptz; -- since when it missed what it missed when it was last disabled
CREATE INDEX webhooks_failing ON webhooks (id) WHERE failing_since IS NOT NULL;

-- What happened that webhooks or people want to be told, written with the change itself: the outbox of operational
-- events. A row leaves when its event is published.
CREATE TABLE operational_events (
    id          text COLLATE "C" PRIMARY KEY, -- that of the event
    account_id  text COLLATE "C" NOT NULL REFERENCES accounts,
    event       text NOT NULL,
    webhook_id  text COLLATE "C" NOT NULL REFERENCES webhooks, -- which it is about
    data        json NOT NULL, -- IDs, names, status and error words; json, so that the order stays
    -- When the sweep sees to it that it is published.
    sweep_at    timestamptz NOT NULL DEFAULT now(),
    created_at  timestamptz NOT NULL DEFAULT now()
);
-- What the sweep looks for: nearly always empty.
CREATE INDEX operational_events_to_sweep ON operational_events (sweep_at);

-- +goose Down
DROP TABLE operational_events;
DROP INDEX webhooks_failing;
ALTER TABLE webhooks
    DROP COLUMN failing_since,
    DROP COLUMN warned_at,
    DROP COLUMN enabled_at,
    DROP COLUMN missed_since;
