-- +goose Up
-- What an attempt was really like: the headers that were sent, secrets masked, and where the time went. Attempts
-- of the version before have neither.
ALTER TABLE attempts
    ADD COLUMN request_headers jsonb,
    ADD COLUMN timing          jsonb;

-- +goose Down
ALTER TABLE attempts
    DROP COLUMN request_headers,
    DROP COLUMN timing;
