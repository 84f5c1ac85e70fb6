-- +goose Up
-- Where people of an account are alerted.
CREATE TABLE alert_channels (
    id           text COLLATE "C" PRIMARY KEY,
    account_id   text COLLATE "C" NOT NULL REFERENCES accounts,
    name         text NOT NULL,
    type         text NOT NULL,
    events       text[] NOT NULL,
    address      bytea NOT NULL, -- encrypted: addresses of people, or a URL or key that opens another service
    last_sent_at timestamptz,
    last_error   text NOT NULL DEFAULT '', -- why the last alert did not arrive
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX alert_channels_of_account ON alert_channels (account_id, id);

-- What happened that people are to be alerted of, for seconds: then it is counted. Only added to, so that thousands of
-- deliveries that are exhausted at once don't wait for each other; without foreign keys for the same reason.
CREATE TABLE alert_causes (
    id         text COLLATE "C" PRIMARY KEY, -- that of the operational event
    account_id text COLLATE "C" NOT NULL,
    webhook_id text COLLATE "C" NOT NULL,
    event      text NOT NULL,
    data       json NOT NULL, -- of the operational event
    created_at timestamptz NOT NULL DEFAULT now()
);

-- How often what happened since people were last told of it. It outlives its webhook by no more than the time in which
-- nothing is told again.
CREATE TABLE alert_groups (
    webhook_id text COLLATE "C" NOT NULL,
    event      text NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    count      integer NOT NULL,
    first_at   timestamptz NOT NULL,
    data       json NOT NULL, -- of the newest
    told_at    timestamptz, -- when an alert was last made of it: for some time, none is made again
    PRIMARY KEY (webhook_id, event)
);

-- Alerts on their way. A row leaves when its workflow is done with it.
CREATE TABLE alerts (
    id         text COLLATE "C" PRIMARY KEY, -- also that of the workflow
    channel_id text COLLATE "C" NOT NULL REFERENCES alert_channels ON DELETE CASCADE,
    groups     jsonb NOT NULL,
    sweep_at   timestamptz DEFAULT now(), -- when the sweep starts its workflow; null once it has
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alerts_to_sweep ON alerts (sweep_at) WHERE sweep_at IS NOT NULL;
CREATE INDEX alerts_of_channel ON alerts (channel_id);

-- +goose Down
DROP TABLE alerts;
DROP TABLE alert_groups;
DROP TABLE alert_causes;
DROP TABLE alert_channels;
