-- +goose Up
CREATE TABLE api_keys (
    id           text COLLATE "C" PRIMARY KEY,
    account_id   text COLLATE "C" NOT NULL REFERENCES accounts,
    name         text NOT NULL,
    -- SHA-256 of the key. A slow hash is for passwords, which can be guessed: these keys are 260 random bits, which
    -- cannot, however fast one tries. A fast hash without salt can be looked up by this index for every request.
    hash         bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    prefix       text NOT NULL, -- the first characters of the key, by which people tell keys apart
    scopes       text[] NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz, -- to the minute
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX api_keys_by_account ON api_keys (account_id, id);

-- +goose Down
DROP TABLE api_keys;
