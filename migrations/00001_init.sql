-- +goose Up
CREATE TABLE accounts (
    id               text COLLATE "C" PRIMARY KEY,
    name             text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE webhooks (
    id               text COLLATE "C" PRIMARY KEY,
    account_id       text COLLATE "C" NOT NULL REFERENCES accounts,
    name             text NOT NULL,
    url              text NOT NULL,
    events           text[] NOT NULL,
    authentication   bytea NOT NULL, -- sealed JSON
    signing_secret   bytea NOT NULL, -- sealed
    enabled          boolean NOT NULL DEFAULT true,
    disabled_reason text NOT NULL DEFAULT '',
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    deleted_at       timestamptz
);
CREATE INDEX webhooks_by_account ON webhooks (account_id, id) WHERE deleted_at IS NULL;

CREATE TABLE events (
    id               text COLLATE "C" PRIMARY KEY,
    account_id text COLLATE "C" NOT NULL REFERENCES accounts,
    event            text NOT NULL,
    timestamp        timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The payload stands alone: it is the only place where personal data of an event lies.
CREATE TABLE event_payloads (
    event_id text COLLATE "C" PRIMARY KEY REFERENCES events ON DELETE CASCADE,
    payload          bytea NOT NULL
);

CREATE TABLE deliveries (
    id               text COLLATE "C" PRIMARY KEY,
    account_id       text COLLATE "C" NOT NULL,
    event_id         text COLLATE "C" NOT NULL REFERENCES events,
    webhook_id       text COLLATE "C" NOT NULL REFERENCES webhooks,
    event            text NOT NULL,
    status           text NOT NULL DEFAULT 'pending',
    attempt_count    integer NOT NULL DEFAULT 0,
    next_attempt_at  timestamptz,
    outcome          text,
    status_code      integer,
    response_time_ms integer,
    -- When the sweep sees to it that the workflow was started; null once that is known.
    sweep_at         timestamptz DEFAULT now() + interval '5 seconds',
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX deliveries_by_account ON deliveries (account_id, id DESC);
CREATE INDEX deliveries_by_webhook ON deliveries (webhook_id, id DESC);
CREATE INDEX deliveries_by_event_id ON deliveries (event_id);
-- What the sweep looks for: nearly always empty.
CREATE INDEX deliveries_to_sweep ON deliveries (sweep_at) WHERE status = 'pending' AND sweep_at IS NOT NULL;

CREATE TABLE attempts (
    id               text COLLATE "C" PRIMARY KEY,
    delivery_id      text COLLATE "C" NOT NULL REFERENCES deliveries ON DELETE CASCADE,
    run_id           text NOT NULL,
    sequence         integer NOT NULL,
    number           integer NOT NULL,
    trigger          text NOT NULL,
    outcome          text NOT NULL,
    status_code      integer,
    response_time_ms integer NOT NULL,
    error            text,
    response_headers jsonb,
    response_body    bytea,
    started_at       timestamptz NOT NULL,
    ended_at         timestamptz NOT NULL,
    UNIQUE (delivery_id, run_id, sequence), -- an attempt is recorded once
    UNIQUE (delivery_id, number)
);

-- +goose Down
DROP TABLE attempts;
DROP TABLE deliveries;
DROP TABLE event_payloads;
DROP TABLE events;
DROP TABLE webhooks;
DROP TABLE accounts;
