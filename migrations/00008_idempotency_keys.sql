-- +goose Up
CREATE TABLE idempotency_keys (
    account_id text COLLATE "C" NOT NULL REFERENCES accounts,
    key        bytea NOT NULL CHECK (octet_length(key) = 32),     -- SHA-256 of what the client sent
    request    bytea NOT NULL CHECK (octet_length(request) = 32), -- SHA-256 of the operation and the body
    published  jsonb NOT NULL, -- what the first answer said: IDs, names and times, no payload
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, key)
);
-- What the sweep deletes.
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- +goose Down
DROP TABLE idempotency_keys;
