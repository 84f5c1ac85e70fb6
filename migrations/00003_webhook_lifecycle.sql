-- +goose Up
ALTER TABLE webhooks
    ADD COLUMN previous_signing_secret       bytea, -- sealed; signs along while a rotation is under way
    ADD COLUMN previous_signing_secret_until timestamptz,
    -- When it was last disabled or deleted: what was published before is sent no more, only when asked for by hand.
    ADD COLUMN disabled_at                   timestamptz,
    -- When the sweep sees to it that its waiting deliveries end; null once none is left.
    ADD COLUMN discard_at                    timestamptz;
-- What the sweep looks for: nearly always empty.
CREATE INDEX webhooks_to_discard ON webhooks (discard_at) WHERE discard_at IS NOT NULL;

UPDATE webhooks SET disabled_at = clock_timestamp(), discard_at = now() WHERE NOT enabled OR deleted_at IS NOT NULL;

-- +goose Down
DROP INDEX webhooks_to_discard;
ALTER TABLE webhooks
    DROP COLUMN previous_signing_secret,
    DROP COLUMN previous_signing_secret_until,
    DROP COLUMN disabled_at,
    DROP COLUMN discard_at;
