-- +goose Up
CREATE TABLE recoveries (
    id              text COLLATE "C" PRIMARY KEY,
    account_id      text COLLATE "C" NOT NULL REFERENCES accounts,
    webhook_id      text COLLATE "C" NOT NULL REFERENCES webhooks,
    since           timestamptz NOT NULL,
    until           timestamptz NOT NULL,
    statuses        text[] NOT NULL CHECK (cardinality(statuses) > 0), -- of the deliveries to retry
    status          text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'completed', 'failed', 'cancelled')),
    reason          text NOT NULL DEFAULT '', -- why it failed
    matched         integer CHECK (matched >= 0), -- null until they are counted
    retried         integer NOT NULL DEFAULT 0 CHECK (retried >= 0),
    skipped         integer NOT NULL DEFAULT 0 CHECK (skipped >= 0),
    -- The last delivery that was taken in hand, and how many attempts it had then: should a process die before it
    -- asked for the retry, another does. Whatever is before it has been seen to.
    cursor          text COLLATE "C" NOT NULL DEFAULT '',
    cursor_attempts integer NOT NULL DEFAULT 0,
    -- When the sweep sees to it that the workflow runs.
    sweep_at        timestamptz NOT NULL DEFAULT now(),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CHECK (since < until)
);
CREATE INDEX recoveries_by_webhook ON recoveries (webhook_id, id DESC);
-- One at a time: two would send the endpoint twice as much as it is to get.
CREATE UNIQUE INDEX recoveries_running ON recoveries (webhook_id) WHERE status = 'running';
-- What the sweep looks for: nearly always empty.
CREATE INDEX recoveries_to_sweep ON recoveries (sweep_at) WHERE status = 'running';

-- +goose Down
DROP TABLE recoveries;
