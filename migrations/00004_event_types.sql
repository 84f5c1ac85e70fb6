-- +goose Up
-- The event types of an account: its own, and what it changed about those that are built in.
CREATE TABLE event_types (
    account_id    text COLLATE "C" NOT NULL REFERENCES accounts,
    name          text COLLATE "C" NOT NULL,
    description   text, -- null: that of the built-in type
    example       text, -- null: that of the built-in type; JSON, as it was written
    schema        text, -- null: none; JSON Schema, as it was written
    deprecated_at timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, name)
);

-- +goose Down
DROP TABLE event_types;
