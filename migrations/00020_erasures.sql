-- +goose Up
-- When the data were erased; null otherwise. The delivery has it too, for those who write down an attempt that was under
-- way at that moment.
ALTER TABLE event_payloads ADD COLUMN erased_at timestamptz;
ALTER TABLE deliveries ADD COLUMN erased_at timestamptz;

-- What was erased when and by whom; never what it was.
CREATE TABLE erasures (
    id           text COLLATE "C" PRIMARY KEY,
    account_id   text COLLATE "C" NOT NULL REFERENCES accounts,
    matched_hash bytea NOT NULL, -- of the value that was searched for, with a key: it cannot be tried out
    events       integer NOT NULL,
    deliveries   integer NOT NULL,
    attempts     integer NOT NULL,
    discarded    integer NOT NULL,
    events_left  integer NOT NULL,
    erased_by    text NOT NULL, -- the ID of an API key, or admin
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX erasures_by_account ON erasures (account_id, id);

-- +goose Down
DROP TABLE erasures;
ALTER TABLE deliveries DROP COLUMN erased_at;
ALTER TABLE event_payloads DROP COLUMN erased_at;
